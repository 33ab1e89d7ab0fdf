//! What the process does whose power is cut, and what must be true of what is left.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use soiree::sqlite::rusqlite::{self, Connection};
use soiree::{Event, ListenerOptions, Outbox, Retry, SqliteOutbox as _, SqliteStore, TypedTopic};

use crate::child::say;
use crate::support::{TIME_LIMIT, event_pool, read_tables};

const EMITTERS: u64 = 4;
/// How many events each opening emits. The last ones fill the log, so that it is written back and started again.
const SESSIONS: [u64; 3] = [40, 40, 320];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Filled {
    number: u64,
    fill: String,
}

const FILLED: TypedTopic<Filled> = TypedTopic::new("filled");

/// The payload of this number. Some have several pages.
fn filled(number: u64) -> Filled {
    let times = if number % 5 == 0 { 1_000 } else { 3 };
    let fill = format!("{number:09}").repeat(times);
    Filled { number, fill }
}

/// The process whose power is cut.
pub(crate) fn child(folder: &Path, part: &str) {
    let file = folder.join("events.db");
    match part {
        "full" => full(&file),
        "normal" => normal(&file),
        _ => panic!("no part {part}"),
    }
}

fn full(file: &Path) {
    let mut first = 0;
    for (session, events) in SESSIONS.into_iter().enumerate() {
        let outbox = outbox(SqliteStore::at(file), |number| {
            say(&format!("done {number}"))
        });
        let outbox = outbox.unwrap();
        thread::scope(|scope| {
            for emitter in 0..EMITTERS {
                let outbox = &outbox;
                scope.spawn(move || {
                    for step in 0..events / EMITTERS {
                        let number = first + step * EMITTERS + emitter;
                        outbox.emit("filled", filled(number)).unwrap();
                        say(&format!("ok {number}"));
                    }
                });
            }
        });
        first += events;
        // The others leave events to the next one.
        if session == 0 {
            outbox.drain(TIME_LIMIT).unwrap();
        }
        outbox.close().unwrap();
    }
}

/// The control: commits that do not wait for the disk.
fn normal(file: &Path) {
    let store = SqliteStore::at(file).allow_unsafe(true);
    let outbox = outbox(store, |number| say(&format!("done {number}"))).unwrap();
    let mut connection = Connection::open(file).unwrap();
    connection
        .pragma_update(None, "synchronous", "NORMAL")
        .unwrap();
    for number in 0..30 {
        let tx = connection.transaction().unwrap();
        let in_tx = outbox.in_tx(&tx).unwrap();
        in_tx.emit("filled", filled(number)).unwrap();
        tx.commit().unwrap();
        say(&format!("ok {number}"));
    }
    outbox.close().unwrap();
}

/// An outbox that is started. `done` gets the number of every event that was handled.
fn outbox(
    store: SqliteStore,
    done: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Outbox, Box<dyn std::error::Error>> {
    let builder = Outbox::builder(store).json(FILLED).in_flight(8);
    let outbox = builder.build(event_pool())?;
    let retry = Retry::fixed(Duration::from_millis(2), 20);
    let plain = ListenerOptions::new().durable("plain").retry(retry.clone());
    FILLED.on_with(
        &outbox,
        plain,
        move |payload: &Filled, event: &dyn Event| {
            assert_eq!(*payload, filled(payload.number));
            if payload.number % 7 == 0 && event.attempt() < 2 {
                return Err("it fails once");
            }
            done(payload.number);
            Ok(())
        },
    )?;
    let write = |event: &dyn Event, tx: &rusqlite::Transaction<'_>| {
        let number = event.with_payload(|payload: &Filled| payload.number);
        tx.execute_batch("CREATE TABLE IF NOT EXISTS effect(number INTEGER)")?;
        tx.execute("INSERT INTO effect VALUES (?1)", [number.unwrap() as i64])?;
        Ok::<(), rusqlite::Error>(())
    };
    let tx = ListenerOptions::new().durable("tx").retry(retry);
    outbox.on_tx_with("filled", tx, write)?;
    outbox.start()?;
    Ok(outbox)
}

/// What the process has said until the power was cut.
#[derive(Default, Clone)]
pub(crate) struct Ledger {
    accepted: BTreeSet<u64>,
    done: BTreeSet<u64>,
}

/// What a power cut must not do.
pub(crate) enum Harm {
    /// Events are missing that were accepted or handled.
    Lost(BTreeSet<u64>),
    Broken(String),
}

impl Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(numbers) => write!(f, "lost: {numbers:?}"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Harm {
    fn broken(what: &str) -> impl Fn(&dyn Display) -> Self {
        move |why| Self::Broken(format!("{what}: {why}"))
    }
}

impl Ledger {
    pub(crate) fn take(&mut self, said: &str) {
        let (word, number) = said.split_once(' ').unwrap();
        let number = number.parse().unwrap();
        match word {
            "ok" => assert!(self.accepted.insert(number)),
            "done" => {
                self.done.insert(number);
            }
            _ => panic!("{said}"),
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// Starts an outbox with what was left on the disk, and lets it handle everything.
    pub(crate) fn check(&self, folder: &Path) -> Result<(), Harm> {
        let file = folder.join("events.db");
        let handled = Arc::new(Mutex::new(self.done.clone()));
        let done = {
            let handled = Arc::clone(&handled);
            move |number| {
                handled.lock().unwrap().insert(number);
            }
        };
        let outbox = outbox(SqliteStore::at(&file), done)
            .map_err(|error| Harm::broken("it does not open")(&error))?;
        let sql = "SELECT json_extract(CAST(payload AS TEXT), '$.number') FROM soiree_event";
        let stored = numbers(&file, sql)?;
        let known: BTreeSet<u64> = stored.iter().copied().collect();
        let promised = self.accepted.union(&self.done).copied();
        let lost: BTreeSet<u64> = promised.filter(|number| !known.contains(number)).collect();
        if !lost.is_empty() {
            return Err(Harm::Lost(lost));
        }
        outbox
            .drain(TIME_LIMIT)
            .map_err(|error| Harm::broken("it does not become empty")(&error))?;
        let listeners = outbox.listeners();
        outbox
            .close()
            .map_err(|error| Harm::broken("it does not close")(&error))?;
        let dead: u64 = listeners.iter().map(|listener| listener.dead_letters).sum();
        let handled = handled.lock().unwrap().clone();
        let effects = if known.is_empty() {
            Vec::new()
        } else {
            numbers(&file, "SELECT number FROM effect ORDER BY number")?
        };
        let is_exact = effects.iter().copied().eq(known.iter().copied());
        if handled != known || !is_exact || dead != 0 || stored.len() != known.len() {
            let figures = format!(
                "{} stored, {} handled, {} effects, {dead} dead",
                stored.len(),
                handled.len(),
                effects.len()
            );
            return Err(Harm::Broken(figures));
        }
        let check: String = read_tables(&file)
            .query_row("PRAGMA integrity_check", (), |row| row.get(0))
            .map_err(|error| Harm::broken("integrity_check")(&error))?;
        match &*check {
            "ok" => Ok(()),
            _ => Err(Harm::Broken(check)),
        }
    }
}

fn numbers(file: &Path, sql: &str) -> Result<Vec<u64>, Harm> {
    let read = || -> rusqlite::Result<Vec<u64>> {
        let connection = read_tables(file);
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query(())?;
        let mut numbers = Vec::new();
        while let Some(row) = rows.next()? {
            numbers.push(row.get::<_, i64>(0)? as u64);
        }
        Ok(numbers)
    };
    read().map_err(|error| Harm::broken("it cannot be read")(&error))
}
