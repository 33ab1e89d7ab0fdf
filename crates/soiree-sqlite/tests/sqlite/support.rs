//! Stores, events and marks for tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use soiree_core::store::{
    Appended, Batch, Claim, Limit, Marks, Millis, NewRecord, Parked, ParkedState, Position,
    Progress, Record, StartFrom, Store, StoreError, Term,
};
use soiree_core::{EventId, Properties};
use soiree_sqlite::SqliteStore;
use soiree_sqlite::rusqlite::Connection;
use tempfile::TempDir;

/// More than any test reads.
pub(crate) const ALL: Limit = Limit {
    records: 100_000,
    bytes: usize::MAX,
};

/// A folder for one database, removed at the end of the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("events.db")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("events.db-wal")
    }

    /// A connection of the program.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }

    /// A store in the file, open.
    pub(crate) fn open(&self) -> SqliteStore {
        let store = SqliteStore::at(self.file());
        store.open().unwrap();
        store
    }
}

pub(crate) fn at(number: u64) -> Position {
    Position(number)
}

pub(crate) fn positions(numbers: impl IntoIterator<Item = u64>) -> Vec<Position> {
    numbers.into_iter().map(Position).collect()
}

/// An event whose ID, topic and payload follow from a number.
pub(crate) fn event(number: u64) -> NewRecord {
    NewRecord {
        id: EventId::from(u128::from(number)),
        topic: format!("topic.{number}").into(),
        codec: "raw".into(),
        payload: number.to_be_bytes().repeat(5),
        properties: Properties::new().set("number", number as i64),
        emitted_at: Millis(1_000 + number as i64),
    }
}

pub(crate) fn append(store: &SqliteStore, events: &[NewRecord]) -> Vec<Appended> {
    let batch = Batch {
        appends: events,
        marks: &[],
    };
    store.commit(&batch).unwrap()
}

/// Appends the events with these numbers.
pub(crate) fn append_numbers(store: &SqliteStore, numbers: impl IntoIterator<Item = u64>) {
    let events: Vec<_> = numbers.into_iter().map(event).collect();
    append(store, &events);
}

pub(crate) fn try_mark(store: &SqliteStore, marks: Marks) -> Result<(), StoreError> {
    let batch = Batch {
        appends: &[],
        marks: &[marks],
    };
    store.commit(&batch).map(|_| ())
}

pub(crate) fn mark(store: &SqliteStore, term: &Term, change: impl FnOnce(&mut Marks)) {
    let mut marks = Marks::new(term.clone());
    change(&mut marks);
    try_mark(store, marks).unwrap();
}

pub(crate) fn read_all(store: &SqliteStore) -> Vec<Record> {
    let mut read = Vec::new();
    store.read(Position::START, ALL, &mut read).unwrap();
    read
}

pub(crate) fn stored_positions(store: &SqliteStore) -> Vec<Position> {
    read_all(store)
        .iter()
        .map(|record| record.position)
        .collect()
}

pub(crate) fn claim(store: &SqliteStore, listener: &str) -> (Term, Progress) {
    claim_from(store, listener, StartFrom::Oldest)
}

pub(crate) fn claim_from(
    store: &SqliteStore,
    listener: &str,
    start: StartFrom,
) -> (Term, Progress) {
    match store.claim(listener, "**", start).unwrap() {
        Claim::Held(term, progress) => (term, progress),
        Claim::Elsewhere => panic!("{listener} is claimed elsewhere"),
    }
}

pub(crate) fn parked(number: u64, state: ParkedState) -> Parked {
    Parked {
        position: at(number),
        state,
        attempts: 3,
        crashes: 1,
        due: Millis(77),
        key: Some("acme".into()),
        error: Some("no route\0".into()),
    }
}

/// Runs this binary as another process that does the part `part` of a test. `test` is the path of the test.
pub(crate) fn child(test: &str, part: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(PART, part)
        .env(FOLDER, folder);
    command
}

/// The part that this process does, and the database, if it is a child.
pub(crate) fn part_of_child() -> Option<(String, PathBuf)> {
    let part = std::env::var(PART).ok()?;
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    Some((part, folder.join("events.db")))
}

const PART: &str = "SOIREE_TEST_PART";
const FOLDER: &str = "SOIREE_TEST_FOLDER";
