//! What the tests share.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use soiree::sqlite::rusqlite::{Connection, OpenFlags};
use soiree::{DurableInfo, EventPool, Outbox, OutboxBuilder, SqliteStore, TypedTopic, WorkerPool};

/// Longer than any working machine takes.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) key: u64,
}

pub(crate) const NUMBERED: TypedTopic<Numbered> = TypedTopic::new("numbered");

/// An event with this number, and the key 0.
pub(crate) fn numbered(number: u64) -> Numbered {
    Numbered { number, key: 0 }
}

pub(crate) fn event_pool() -> EventPool {
    EventPool::with_pool(WorkerPool::new(4, 100).unwrap())
}

pub(crate) fn builder(file: &Path) -> OutboxBuilder {
    Outbox::builder(SqliteStore::at(file)).json(NUMBERED)
}

pub(crate) fn outbox(file: &Path) -> Outbox {
    builder(file).build(event_pool()).unwrap()
}

/// Waits until there is a value.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < TIME_LIMIT, "waited too long for {what}");
        thread::yield_now();
    }
}

#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

pub(crate) fn info(outbox: &Outbox, name: &str) -> DurableInfo {
    let listeners = outbox.listeners();
    let found = listeners.into_iter().find(|info| &*info.name == name);
    found.unwrap_or_else(|| panic!("no listener {name}"))
}

/// Appends a line in one write: it is in the file whole or not at all, even if the process is killed.
pub(crate) fn append_line(file: &Path, line: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

pub(crate) fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(String::from).collect()
}

/// How often each number is there.
pub(crate) fn counts(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts
}

/// Each number once.
pub(crate) fn once(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, usize> {
    numbers.into_iter().map(|number| (number, 1)).collect()
}

/// How far a listener is, as its tables say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InTables {
    pub(crate) last: i64,
    pub(crate) floor: i64,
    /// Events that have not ended, those included that wait for a retry. Not the dead ones.
    pub(crate) pending: i64,
    pub(crate) dead: i64,
}

pub(crate) fn read_tables(file: &Path) -> Connection {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    connection.busy_timeout(TIME_LIMIT).unwrap();
    connection
}

pub(crate) fn tables(file: &Path, listener: &str) -> InTables {
    let sql = "
        SELECT (SELECT coalesce(max(seq), 0) FROM soiree_event), floor,
            (SELECT count(*) FROM soiree_event WHERE seq > floor
                AND seq NOT IN (SELECT seq FROM soiree_done WHERE listener = l.id)
                AND seq NOT IN (SELECT seq FROM soiree_parked WHERE listener = l.id))
            + (SELECT count(*) FROM soiree_parked WHERE listener = l.id AND state <> 'dead'),
            (SELECT count(*) FROM soiree_parked WHERE listener = l.id AND state = 'dead')
        FROM soiree_listener l WHERE name = ?1";
    let read = |row: &soiree::sqlite::rusqlite::Row<'_>| {
        Ok(InTables {
            last: row.get(0)?,
            floor: row.get(1)?,
            pending: row.get(2)?,
            dead: row.get(3)?,
        })
    };
    read_tables(file).query_row(sql, [listener], read).unwrap()
}
