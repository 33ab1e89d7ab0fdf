//! `export`: bulk work. Writes events to files, a line each, and compresses each file once it is full.
//!
//! An event has ended when its line is on the disk. If the process ends in between, the line is written twice: who reads the files goes
//! by the ID.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
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

use super::{durable, in_file, log};
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
    folder: PathBuf,
    delay: Duration,
    current: Mutex<Current>,
}

struct Current {
    file: File,
    lines: usize,
    next_file: u64,
}

pub(super) fn subscribe(
    outbox: &Outbox,
    data: &Path,
    delay: Duration,
) -> Result<(), Box<dyn Error>> {
    let folder = data.join(EXPORT_FOLDER);
    let current = Current::open(&folder).map_err(|error| in_file(&folder, error))?;
    let export = Export {
        folder,
        delay,
        current: Mutex::new(current),
    };
    outbox.on_with(EVERY, durable("export"), move |event| export.write(event))?;
    Ok(())
}

impl Export {
    fn write(&self, event: &dyn Event) -> Result<(), BoxError> {
        let body = body(event)?;
        let line = Line {
            id: event.id().to_string(),
            topic: event.topic(),
            payload: serde_json::from_slice(&body)?,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        thread::sleep(self.delay); // a slow store
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let appended = current.append(&line, &self.folder);
        appended.map_err(|error| in_file(&self.folder, error))?;
        log("export", event);
        Ok(())
    }
}

impl Current {
    fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut next_file = 1;
        for entry in fs::read_dir(folder)? {
            let number = number_of(&entry?.path()).unwrap_or(0);
            next_file = next_file.max(number + 1);
        }
        let mut options = private();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join(CURRENT))?;
        // A line without an end was cut off with the process.
        let (mut lines, mut whole) = (0, 0);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            lines += 1;
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        Ok(Self {
            file,
            lines,
            next_file,
        })
    }

    fn append(&mut self, line: &[u8], folder: &Path) -> io::Result<()> {
        if self.lines >= LINES {
            self.compress(folder)?;
        }
        let end = self.file.stream_position()?;
        let written = self
            .file
            .write_all(line)
            .and_then(|()| self.file.sync_data());
        if written.is_err() {
            // The event is tried again, and half a line must not stay before it.
            self.file.set_len(end)?;
            self.file.seek(SeekFrom::Start(end))?;
        }
        written?;
        self.lines += 1;
        Ok(())
    }

    /// Under its final name the file is whole. If the process ends before the old one is empty, its lines are there twice.
    fn compress(&mut self, folder: &Path) -> io::Result<()> {
        let path = folder.join(format!("{:06}.jsonl.gz", self.next_file));
        let temporary = path.with_extension("tmp");
        self.file.seek(SeekFrom::Start(0))?;
        let mut options = private();
        let file = options.write(true).create(true).truncate(true);
        let mut gzip = GzEncoder::new(file.open(&temporary)?, Compression::fast());
        io::copy(&mut self.file, &mut gzip)?;
        gzip.finish()?.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()?;
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.lines = 0;
        self.next_file += 1;
        Ok(())
    }
}

fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".jsonl.gz")?.parse().ok()
}

/// The events of all lines, for `--prove`.
pub(crate) fn exported(data: &Path) -> Result<Vec<EventId>, Box<dyn Error>> {
    let folder = data.join(EXPORT_FOLDER);
    let mut ids = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| in_file(&folder, error))? {
        let path = entry?.path();
        let file = File::open(&path)?;
        let lines: Box<dyn BufRead> = if number_of(&path).is_some() {
            Box::new(BufReader::new(GzDecoder::new(file)))
        } else if path.ends_with(CURRENT) {
            Box::new(BufReader::new(file))
        } else {
            continue;
        };
        for line in lines.lines() {
            let written: Written = serde_json::from_str(&line?)?;
            ids.push(written.id.parse()?);
        }
    }
    Ok(ids)
}
