//! Durable events: what was accepted before a crash is handled after it.
//!
//! With the name of a file, as in `cargo run --example durable_events -- events.db`, the events stay there.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use soiree::sqlite::rusqlite::Connection;
use soiree::{
    EventPool, ListenerOptions, Outbox, Retry, SqliteOutbox, SqliteStore, TypedTopic, WorkerPool,
};

#[derive(Serialize, Deserialize)]
struct Invoice {
    number: u64,
    cents: i64,
}

const PAID: TypedTopic<Invoice> = TypedTopic::new("invoice.paid");
/// The first argument of the process that crashes.
const CRASH: &str = "--crash";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(CRASH.as_ref()) {
        return accept_and_crash(&PathBuf::from(arguments.next().ok_or("no file given")?));
    }
    println!("shows: an event is on the disk when `emit` returns, and is handled after a crash");
    println!("why: what a program has accepted does not depend on how long the program lives\n");

    let folder = tempfile::tempdir()?;
    let path = first.map_or_else(|| folder.path().join("events.db"), PathBuf::from);
    let mut child = Command::new(std::env::current_exe()?);
    let crashed = child.arg(CRASH).arg(&path).status()?;
    println!("a process has crashed: {}", !crashed.success());
    handle(&path)?;

    let ledger = "SELECT count(*), sum(cents) FROM ledger";
    let (rows, cents): (i64, i64) =
        Connection::open(&path)?.query_row(ledger, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
    println!("booked: {cents} cents in {rows} rows");
    Ok(())
}

/// An outbox whose listeners have names, by which they find their progress again.
fn outbox(path: &Path, mail: fn(&Invoice)) -> Result<Outbox, Box<dyn Error>> {
    let soiree = EventPool::builder()
        .bulkhead("mail", WorkerPool::new(4, 100)?)
        .build()?;
    let outbox = Outbox::builder(SqliteStore::at(path))
        .json(PAID)
        .build(soiree)?;

    // Its own progress, retries and dead events, on a bulkhead of its own.
    let options = ListenerOptions::new()
        .durable("receipt-mail")
        .pool("mail")
        .retry(Retry::fixed(Duration::from_millis(10), 3));
    PAID.on_with(&outbox, options, move |invoice, _| mail(invoice))?;

    // Booked exactly once: the row and the mark that the event has ended are one transaction.
    outbox.on_tx("invoice.*", "ledger", |event, tx| {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS ledger(cents INTEGER)")?;
        let cents = event.with_payload(|invoice: &Invoice| invoice.cents);
        tx.execute("INSERT INTO ledger VALUES (?1)", [cents])?;
        Ok::<(), soiree::sqlite::rusqlite::Error>(())
    })?;
    outbox.start()?;
    Ok(outbox)
}

fn accept_and_crash(path: &Path) -> Result<(), Box<dyn Error>> {
    // No mail is sent before the crash.
    let outbox = outbox(path, |_| thread::park())?;
    let invoice = Invoice {
        number: 7,
        cents: 4_200,
    };
    let stored = PAID.emit_durable(&outbox, invoice)?;
    let position = stored.position().ok_or("it is durable")?;
    println!("stored at position {position}");
    std::process::abort()
}

fn handle(path: &Path) -> Result<(), Box<dyn Error>> {
    let outbox = outbox(path, |invoice| {
        println!("mailed invoice {}", invoice.number)
    })?;
    outbox.drain(Duration::from_secs(10))?;
    for listener in outbox.listeners() {
        println!("{}: {} done", listener.name, listener.done);
    }
    outbox.close()?;
    Ok(())
}
