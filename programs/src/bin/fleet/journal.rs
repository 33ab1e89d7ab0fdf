//! What was handled, in the order in which it was: one file that all processes append to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::order::Order;

pub(crate) struct Journal(File);

/// A line of the journal.
pub(crate) struct Handled {
    pub(crate) by: usize,
    pub(crate) order: Order,
}

pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("handled")
}

impl Journal {
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path(data))?;
        Ok(Self(file))
    }

    /// One write: whole lines, also of a process that is killed.
    pub(crate) fn add(&self, by: usize, order: &Order) -> io::Result<()> {
        let Order {
            account,
            number,
            taken_by,
        } = order;
        let line = format!("{by} {taken_by} {account} {number}\n");
        (&self.0).write_all(line.as_bytes())
    }
}

pub(crate) fn read(data: &Path) -> io::Result<Vec<Handled>> {
    let text = match fs::read_to_string(path(data)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let parse = |line: &str| {
        let mut words = line.split(' ');
        let by = words.next()?.parse().ok()?;
        let taken_by = words.next()?.parse().ok()?;
        let account = words.next()?.to_owned();
        let number = words.next()?.parse().ok()?;
        let order = Order {
            account,
            number,
            taken_by,
        };
        Some(Handled { by, order })
    };
    Ok(text.lines().filter_map(parse).collect())
}
