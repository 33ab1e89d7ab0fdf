//! `mail`: one mail for each event, in order for each account. Mails go to a file.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use soiree::{BoxError, EventId, KeyOrder, Outbox};

use super::{durable, in_file, log};
use crate::draft::{ACCOUNT, EVERY, property};
use crate::folder::private;

/// Inside the folder of the data.
const MAIL_FILE: &str = "mail.log";

pub(super) fn subscribe(outbox: &Outbox, data: &Path) -> Result<(), Box<dyn Error>> {
    let path = data.join(MAIL_FILE);
    let file = private().append(true).create(true).open(&path);
    let file = Mutex::new(file.map_err(|error| in_file(&path, error))?);
    let by_account = KeyOrder::by(|event| Some(property(event, ACCOUNT)));
    let options = durable("mail").ordered(by_account);
    outbox.on_with(EVERY, options, move |event| -> Result<(), BoxError> {
        let account = property(event, ACCOUNT);
        let line = format!(
            "{} {} {}\n",
            event.id(),
            event.topic(),
            account.escape_debug()
        );
        let mut file = file
            .lock()
            .map_err(|_| "the file of mails is not to be trusted")?;
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        drop(file);
        log("mail", event);
        Ok(())
    })?;
    Ok(())
}

/// A mail that was written, for `--prove`.
pub(crate) struct Mailed {
    pub(crate) id: EventId,
    pub(crate) account: String,
}

pub(crate) fn mailed(data: &Path) -> Result<Vec<Mailed>, Box<dyn Error>> {
    let path = data.join(MAIL_FILE);
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
