//! `mail`: one mail for each event, in order for each account. Mails go to a file, and to a new one when it is full.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use soiree::{BoxError, Event, EventId, KeyOrder, Outbox};

use super::each::{durable, in_file, log};
use super::lines::LineFile;
use crate::draft::{ACCOUNT, EVERY, property};

/// Inside the folder of the data.
const CURRENT: &str = "mail.log";
const FORMER: &str = "mail.1.log";

struct Mails {
    folder: PathBuf,
    /// As many are in one file.
    keep: usize,
    current: Mutex<LineFile>,
}

pub(super) fn subscribe(outbox: &Outbox, data: &Path, keep: usize) -> Result<(), Box<dyn Error>> {
    let path = data.join(CURRENT);
    let current = LineFile::open(&path).map_err(|error| in_file(&path, error))?;
    let mails = Mails {
        folder: data.into(),
        keep,
        current: Mutex::new(current),
    };
    let by_account = KeyOrder::by(|event| Some(property(event, ACCOUNT)));
    let options = durable("mail").ordered(by_account);
    outbox.on_with(EVERY, options, move |event| mails.send(event))?;
    Ok(())
}

impl Mails {
    fn send(&self, event: &dyn Event) -> Result<(), BoxError> {
        let (id, topic, account) = (event.id(), event.topic(), property(event, ACCOUNT));
        let line = format!("{id} {topic} {}\n", account.escape_debug());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.append(&mut current, line.as_bytes());
        drop(current);
        written.map_err(|error| in_file(&self.folder, error))?;
        log("mail", event);
        Ok(())
    }

    fn append(&self, current: &mut LineFile, line: &[u8]) -> io::Result<()> {
        if current.lines() >= self.keep {
            let path = self.folder.join(CURRENT);
            match fs::rename(&path, self.folder.join(FORMER)) {
                // It is there already, if it was the next step that failed before.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
            *current = LineFile::open(&path)?;
            File::open(&self.folder)?.sync_all()?;
        }
        current.append(line)
    }
}

/// A mail that was written, for `--prove`.
pub(crate) struct Mailed {
    pub(crate) id: EventId,
    pub(crate) account: String,
}

pub(crate) fn mailed(data: &Path) -> Result<Vec<Mailed>, Box<dyn Error>> {
    let path = data.join(CURRENT);
    let text = fs::read_to_string(&path).map_err(|error| in_file(&path, error))?;
    let mut mails = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        let id = words.next().unwrap_or_default().parse()?;
        let account = words.nth(1).unwrap_or_default().to_owned();
        mails.push(Mailed { id, account });
    }
    Ok(mails)
}
