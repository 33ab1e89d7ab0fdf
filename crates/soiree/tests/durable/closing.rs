//! Closing while a listener in a transaction of the store does not return.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use soiree::sqlite::rusqlite::Transaction;
use soiree::{CloseOutboxError, Event, Outbox, SqliteOutbox, SqliteStore};

use crate::support::{NUMBERED, TIME_LIMIT, event_pool, numbered, outbox, read_tables, wait_until};

/// D11, D18: a close with a deadline does not wait for a listener of `on_tx` that hangs and holds the store's write lock. What it writes takes
/// effect once if it returns later, and the next process goes on from there.
#[test]
fn a_close_does_not_wait_for_an_effect_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let store = SqliteStore::at(&file).busy_timeout(TIME_LIMIT);
    let first = Outbox::builder(store).json(NUMBERED).build(event_pool());
    let first = first.unwrap();
    let ledger = read_tables(&file);
    ledger.execute_batch("CREATE TABLE ledger(number)").unwrap();
    let (entered, is_entered) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let book = |tx: &Transaction<'_>| tx.execute("INSERT INTO ledger VALUES (1)", ()).map(drop);
    let hangs = move |_: &dyn Event, tx: &Transaction<'_>| {
        let _ = entered.send(());
        let _ = released.lock().unwrap().recv();
        book(tx)
    };
    first.on_tx("numbered", "ledger", hangs).unwrap();
    first.start().unwrap();
    NUMBERED.emit(&first, numbered(1)).unwrap();
    is_entered.recv_timeout(TIME_LIMIT).unwrap();
    let start = Instant::now();
    let error = first.close_with_deadline(Duration::from_millis(50));
    let error = error.unwrap_err();
    assert!(start.elapsed() < TIME_LIMIT / 4, "{:?}", start.elapsed());
    let is_unfinished = matches!(error, CloseOutboxError::Unfinished { running: 1 });
    assert!(is_unfinished, "{error}");
    drop(release);
    drop(first);

    let second = outbox(&file);
    second
        .on_tx("numbered", "ledger", move |_, tx| book(tx))
        .unwrap();
    second.start().unwrap();
    wait_until("the claim has ended", || second.listeners()[0].is_held);
    second.drain(TIME_LIMIT).unwrap();
    second.close().unwrap();
    let rows = "SELECT count(*) FROM ledger";
    let rows: i64 = ledger.query_row(rows, (), |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}
