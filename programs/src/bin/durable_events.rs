//! Durable events: what was accepted before a crash is handled after it.
//!
//! Run it twice: `cargo run --features sqlite --example durable -- events.db`. The first run leaves one event behind, as its listener
//! fails; the second run handles it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use soiree::{
    Event, EventPool, ListenerOptions, Outbox, Retry, SqliteOutbox, SqliteStore, TypedTopic,
    WorkerPool,
};

#[derive(Serialize, Deserialize)]
struct Invoice {
    number: u64,
    cents: i64,
}

const PAID: TypedTopic<Invoice> = TypedTopic::new("invoice.paid");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1);
    let folder = tempfile::tempdir()?;
    let path = path.map_or_else(|| folder.path().join("events.db"), Into::into);

    let soiree = EventPool::builder()
        .bulkhead("mail", WorkerPool::new(4, 100)?)
        .build()?;
    let outbox = Outbox::builder(SqliteStore::at(&path))
        .json(PAID)
        .build(soiree)?;

    // Its own progress, retries and dead letters, on a bulkhead of its own.
    let mail = ListenerOptions::new()
        .durable("receipt-mail")
        .pool("mail")
        .retry(Retry::fixed(Duration::from_millis(10), 3));
    PAID.on_with(&outbox, mail, |invoice: &Invoice, event: &dyn Event| {
        if event.attempt() < 2 {
            return Err(format!("no connection for invoice {}", invoice.number));
        }
        println!(
            "mailed invoice {}, attempt {}",
            invoice.number,
            event.attempt()
        );
        Ok(())
    })?;

    // Booked exactly once: the row and the mark that the event has ended are one transaction.
    outbox.on_tx("invoice.*", "ledger", |event, tx| {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS ledger(cents INTEGER)")?;
        let cents = event.with_payload(|invoice: &Invoice| invoice.cents);
        tx.execute("INSERT INTO ledger VALUES (?1)", [cents])?;
        Ok::<(), soiree::sqlite::rusqlite::Error>(())
    })?;
    outbox.start()?;

    let stored = outbox.emit(
        "invoice.paid",
        Invoice {
            number: 7,
            cents: 4_200,
        },
    )?;
    println!(
        "stored at position {}",
        stored.position().ok_or("it is durable")?
    );

    outbox.drain(Duration::from_secs(10))?;
    for listener in outbox.listeners() {
        println!(
            "{}: {} done, {} failed attempts",
            listener.name, listener.done, listener.failed
        );
    }
    outbox.close()?;
    Ok(())
}
