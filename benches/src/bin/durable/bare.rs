//! SQLite alone, as durable as soiree: a write-ahead log, and an fsync in each commit.

use std::path::Path;
use std::time::Instant;

use soiree::sqlite::rusqlite::{Connection, TransactionBehavior};

use crate::emitting::{BYTES, rate};
use crate::pace::paced;
use crate::result::Result;

/// A database with a table for events.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE event(seq INTEGER PRIMARY KEY, id BLOB UNIQUE, topic TEXT, payload BLOB)",
    )?;
    Ok(db)
}

/// Inserts rows in one transaction.
pub(crate) fn insert(db: &mut Connection, numbers: std::ops::Range<u64>, payload: &[u8]) -> Result {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for number in numbers {
        let id = u128::from(number).to_be_bytes();
        tx.prepare_cached("INSERT INTO event(id, topic, payload) VALUES (?1, 'a.b', ?2)")?
            .execute((&id[..], payload))?;
    }
    tx.commit()?;
    Ok(())
}

/// Inserts rows, so many in each transaction. Returns how many in a second.
pub(crate) fn throughput(path: &Path, events: u64, in_each: u64) -> Result<f64> {
    let mut db = connect(path)?;
    let payload = vec![7_u8; BYTES];
    let start = Instant::now();
    for first in (0..events).step_by(usize::try_from(in_each)?) {
        insert(&mut db, first..first + in_each, &payload)?;
    }
    Ok(rate(events, start.elapsed()))
}

/// Commits one row after the other at this rate. Returns how long each took, in nanoseconds.
pub(crate) fn latency(path: &Path, commits: u64, per_second: f64) -> Result<Vec<f64>> {
    let mut db = connect(path)?;
    let payload = vec![7_u8; BYTES];
    paced(commits, per_second, |number| {
        insert(&mut db, number..number + 1, &payload)
    })
}
