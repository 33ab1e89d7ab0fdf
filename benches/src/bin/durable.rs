//! What durable events cost, next to commits of bare SQLite in the same file system and the same run.
//!
//! `cargo run --release -p soiree-benches --features durable --bin durable [-- --events N --rounds N]`

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use soiree::codec::Raw;
use soiree::sqlite::rusqlite::{self, Connection};
use soiree::{Event, EventPool, ListenerOptions, Outbox, SqliteStore};

type Failure = Box<dyn std::error::Error>;

const EMITTERS: u64 = 64;

/// The size of an event.
const BYTES: usize = 1_024;

fn main() -> Result<(), Failure> {
    let (mut events, mut rounds) = (2_000, 3);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::ValueExt;
        match argument {
            lexopt::Arg::Long("events") => events = arguments.value()?.parse()?,
            lexopt::Arg::Long("rounds") => rounds = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    println!(
        "events in a second, {events} events of {BYTES} bytes; in brackets the ratio to bare SQLite of the same round"
    );
    for round in 1..=rounds {
        let folder = tempfile::tempdir_in(".")?;
        let path = |name: &str| folder.path().join(name);
        let one = bare(&path("one.db"), events, 1)?;
        let hundred = bare(&path("hundred.db"), events * 4, 100)?;
        println!("round {round}: bare SQLite, one event a commit: {one:.0}");
        println!("round {round}: bare SQLite, 100 events a commit: {hundred:.0}");
        let show = |what: &str, rate: f64, peer: f64| {
            println!("round {round}: {what}: {rate:.0} ({:.2})", rate / peer);
        };
        show("1 emitter", durable(&path("a.db"), events, 1, 0)?, one);
        for listeners in [0, 1, 3] {
            let file = path(&format!("b{listeners}.db"));
            let rate = durable(&file, events * 4, EMITTERS, listeners)?;
            show(
                &format!("{EMITTERS} emitters, {listeners} listeners"),
                rate,
                hundred,
            );
        }
    }
    Ok(())
}

/// Inserts rows, so many in each transaction.
fn bare(path: &Path, events: u64, in_each: u64) -> Result<f64, Failure> {
    let mut db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE event(seq INTEGER PRIMARY KEY, id BLOB UNIQUE, topic TEXT, payload BLOB)",
    )?;
    let payload = vec![7_u8; BYTES];
    let start = Instant::now();
    for first in (0..events).step_by(usize::try_from(in_each)?) {
        let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for number in first..first + in_each {
            let id = u128::from(number).to_be_bytes();
            tx.prepare_cached("INSERT INTO event(id, topic, payload) VALUES (?1, 'a.b', ?2)")?
                .execute((&id[..], &payload))?;
        }
        tx.commit()?;
    }
    Ok(rate(events, start.elapsed()))
}

/// Emits from several threads, until every listener has ended every event and the store knows.
fn durable(path: &Path, events: u64, emitters: u64, listeners: usize) -> Result<f64, Failure> {
    let outbox = Outbox::builder(SqliteStore::at(path))
        .codec("a.*", Raw)
        .build(EventPool::new())?;
    let handled = Arc::new(AtomicU64::new(0));
    for number in 0..listeners {
        let handled = Arc::clone(&handled);
        let options = ListenerOptions::new().durable(format!("listener {number}"));
        outbox.on_with("a.*", options, move |_: &dyn Event| {
            handled.fetch_add(1, Ordering::Relaxed);
        })?;
    }
    outbox.start()?;
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..emitters {
            scope.spawn(|| {
                for _ in 0..events / emitters {
                    let stored = outbox.emit("a.b", vec![7_u8; BYTES]);
                    assert!(stored.is_ok(), "{stored:?}");
                }
            });
        }
    });
    outbox.drain(Duration::from_secs(600))?;
    let took = start.elapsed();
    let emitted = events / emitters * emitters;
    assert_eq!(handled.load(Ordering::Relaxed), emitted * listeners as u64);
    outbox.close()?;
    Ok(rate(emitted, took))
}

fn rate(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}
