//! What many outboxes do: a row for each event and listener, which is removed once the listener has ended the event.
//!
//! Apart from that as soiree: one thread writes, and commits what has gathered meanwhile.

use std::path::Path;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use soiree::sqlite::rusqlite::{Connection, TransactionBehavior};

use crate::bare;
use crate::emitting::{BYTES, rate};
use crate::result::Result;

/// The most that is committed at once, as in soiree.
const BATCH: usize = 1_000;

enum Write {
    Append(Vec<u8>, Sender<()>),
    Done { event: i64, listener: usize },
}

/// Emits from several threads, until every listener has ended every event and the store knows. Returns how many in a second.
pub(crate) fn throughput(path: &Path, events: u64, emitters: u64, listeners: usize) -> Result<f64> {
    let mut db = bare::connect(path)?;
    db.execute_batch(
        "CREATE TABLE delivery(event INTEGER, listener INTEGER, attempts INTEGER NOT NULL, PRIMARY KEY(listener, event)) WITHOUT ROWID",
    )?;
    let emitted = events / emitters * emitters;
    let (writes, gathered) = unbounded();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..listeners).map(|_| unbounded()).unzip();
    let start = Instant::now();
    thread::scope(|scope| {
        for (listener, events) in receivers.into_iter().enumerate() {
            let writes = writes.clone();
            scope.spawn(move || handle(listener, &events, &writes));
        }
        for _ in 0..emitters {
            let writes = writes.clone();
            scope.spawn(move || {
                let (stored, is_stored) = bounded(1);
                for _ in 0..events / emitters {
                    let append = Write::Append(vec![7_u8; BYTES], stored.clone());
                    writes.send(append).expect("the writer runs");
                    is_stored.recv().expect("the writer runs");
                }
            });
        }
        let left = emitted * (1 + listeners as u64);
        write(&mut db, &gathered, senders, left)
    })?;
    let took = start.elapsed();
    let rows = |table: &str| -> Result<i64> {
        let sql = format!("SELECT count(*) FROM {table}");
        Ok(db.query_row(&sql, (), |row| row.get(0))?)
    };
    assert_eq!(
        (rows("event")?, rows("delivery")?),
        (i64::try_from(emitted)?, 0)
    );
    Ok(rate(emitted, took))
}

fn handle(listener: usize, events: &Receiver<i64>, writes: &Sender<Write>) {
    for event in events {
        let done = Write::Done { event, listener };
        writes.send(done).expect("the writer runs");
    }
}

/// Commits until nothing is left.
fn write(
    db: &mut Connection,
    gathered: &Receiver<Write>,
    listeners: Vec<Sender<i64>>,
    mut left: u64,
) -> Result {
    while left > 0 {
        let first = gathered.recv()?;
        let batch: Vec<Write> = std::iter::once(first)
            .chain(gathered.try_iter().take(BATCH - 1))
            .collect();
        left -= batch.len() as u64;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut appended = Vec::new();
        for write in batch {
            match write {
                Write::Append(payload, stored) => {
                    let id = u128::from(left * BATCH as u64 + appended.len() as u64).to_be_bytes();
                    tx.prepare_cached(
                        "INSERT INTO event(id, topic, payload) VALUES (?1, 'a.b', ?2)",
                    )?
                    .execute((&id[..], payload))?;
                    let event = tx.last_insert_rowid();
                    for listener in 0..listeners.len() {
                        tx.prepare_cached("INSERT INTO delivery VALUES (?1, ?2, 0)")?
                            .execute((event, listener as i64))?;
                    }
                    appended.push((event, stored));
                }
                Write::Done { event, listener } => {
                    tx.prepare_cached("DELETE FROM delivery WHERE listener = ?1 AND event = ?2")?
                        .execute((listener as i64, event))?;
                }
            }
        }
        tx.commit()?;
        for (event, stored) in appended {
            stored.send(())?;
            for listener in &listeners {
                listener.send(event)?;
            }
        }
    }
    Ok(())
}
