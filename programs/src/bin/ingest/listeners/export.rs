//! `export`: bulk work. Writes events to files, a line each, and compresses each file once it is full.
//!
//! An event has ended when its line is on the disk. If the process ends in between, the line is written twice: who reads the files goes
//! by the ID. The newest files are kept, so take them away in time.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use soiree::{BoxError, Event, EventId, Outbox};

use super::each::{durable, in_file, log};
use super::lines::LineFile;
use crate::draft::{EVERY, body};
use crate::folder::private;

/// Inside the folder of the data.
const EXPORT_FOLDER: &str = "export";
const CURRENT: &str = "current.jsonl";
const LINES: usize = 1_000;

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    topic: &'a str,
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct Written {
    id: String,
}

struct Export {
    delay: Duration,
    files: Mutex<Files>,
    folder: PathBuf,
}

struct Files {
    folder: PathBuf,
    /// As many compressed files.
    keep: usize,
    current: LineFile,
    next: u64,
}

pub(super) fn subscribe(
    outbox: &Outbox,
    data: &Path,
    delay: Duration,
    keep: usize,
) -> Result<(), Box<dyn Error>> {
    let folder = data.join(EXPORT_FOLDER);
    let files = Files::open(&folder, keep).map_err(|error| in_file(&folder, error))?;
    let export = Export {
        delay,
        files: Mutex::new(files),
        folder,
    };
    outbox.on_with(EVERY, durable("export"), move |event| export.write(event))?;
    Ok(())
}

impl Export {
    fn write(&self, event: &dyn Event) -> Result<(), BoxError> {
        let mut body = body(event)?;
        // A sender may spread JSON over several lines. A line break in it is only ever between two words, as a string has none.
        for byte in body.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        let line = Line {
            id: event.id().to_string(),
            topic: event.topic(),
            payload: serde_json::from_slice(&body)?,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        thread::sleep(self.delay); // a slow store
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let appended = files.append(&line);
        drop(files);
        appended.map_err(|error| in_file(&self.folder, error))?;
        log("export", event);
        Ok(())
    }
}

impl Files {
    fn open(folder: &Path, keep: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let newest = compressed(folder)?.pop();
        let files = Self {
            folder: folder.into(),
            keep,
            current: LineFile::open(&folder.join(CURRENT))?,
            next: newest.map_or(1, |(number, _)| number + 1),
        };
        files.trim()?;
        Ok(files)
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.current.lines() >= LINES {
            self.compress()?;
            self.trim()?;
        }
        self.current.append(line)
    }

    /// Under its final name the file is whole. If the process ends before the old one is empty, its lines are there twice.
    fn compress(&mut self) -> io::Result<()> {
        let path = self.folder.join(format!("{:06}.jsonl.gz", self.next));
        let temporary = path.with_extension("tmp");
        let mut options = private();
        let file = options.write(true).create(true).truncate(true);
        let mut gzip = GzEncoder::new(file.open(&temporary)?, Compression::fast());
        self.current.copy_to(&mut gzip)?;
        gzip.finish()?.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(&self.folder)?.sync_all()?;
        self.current.clear()?;
        self.next += 1;
        Ok(())
    }

    fn trim(&self) -> io::Result<()> {
        let files = compressed(&self.folder)?;
        let too_many = files.len().saturating_sub(self.keep);
        for (_, path) in &files[..too_many] {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// The compressed files and their numbers, the oldest first.
fn compressed(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files.extend(number_of(&path).map(|number| (number, path)));
    }
    files.sort();
    Ok(files)
}

fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".jsonl.gz")?.parse().ok()
}

/// The events of all lines, for `--prove`.
pub(crate) fn exported(data: &Path) -> Result<Vec<EventId>, Box<dyn Error>> {
    let folder = data.join(EXPORT_FOLDER);
    let files = compressed(&folder).map_err(|error| in_file(&folder, error))?;
    let mut readers: Vec<Box<dyn BufRead>> = Vec::new();
    for (_, path) in files {
        readers.push(Box::new(BufReader::new(GzDecoder::new(File::open(path)?))));
    }
    let current = File::open(folder.join(CURRENT))?;
    readers.push(Box::new(BufReader::new(current)));
    let mut ids = Vec::new();
    for line in readers.into_iter().flat_map(BufRead::lines) {
        let written: Written = serde_json::from_str(&line?)?;
        ids.push(written.id.parse()?);
    }
    Ok(ids)
}
