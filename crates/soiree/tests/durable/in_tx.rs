//! Events in transactions of the program's own.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use soiree::sqlite::SqlValue;
use soiree::sqlite::rusqlite::types::Value;
use soiree::sqlite::rusqlite::{Connection, TransactionBehavior, params_from_iter};
use soiree::store::StoreError;
use soiree::{BaseEvent, ListenerOptions, Outbox, SqliteOutbox as _, TypedTopic};

use crate::support::{NUMBERED, Numbered, TIME_LIMIT, numbered, outbox};

/// An outbox with a listener, and what the listener gets.
fn started(file: &Path) -> (Outbox, Receiver<u64>) {
    let outbox = outbox(file);
    let (sender, received) = channel();
    let sender = Mutex::new(sender);
    let listener = move |payload: &Numbered, _: &dyn soiree::Event| {
        sender.lock().unwrap().send(payload.number).unwrap();
    };
    let options = ListenerOptions::new().durable("one");
    NUMBERED.on_with(&outbox, options, listener).unwrap();
    outbox.start().unwrap();
    (outbox, received)
}

/// A connection of the program's own.
fn connect(file: &Path) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(TIME_LIMIT).unwrap();
    connection
        .pragma_update(None, "synchronous", "FULL")
        .unwrap();
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS own(number INTEGER)")
        .unwrap();
    connection
}

fn own(connection: &Connection) -> i64 {
    connection
        .query_row("SELECT count(*) FROM own", (), |row| row.get(0))
        .unwrap()
}

/// D10: an event is delivered if the transaction that it was emitted in commits, and not if it is rolled back.
#[test]
fn an_event_in_a_transaction_commits_or_rolls_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (outbox, received) = started(&file);
    let mut connection = connect(&file);
    for number in 1..=4 {
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        tx.execute("INSERT INTO own VALUES (?1)", [number as i64])
            .unwrap();
        let in_tx = outbox.in_tx(&tx).unwrap();
        NUMBERED.emit_in(&in_tx, numbered(number)).unwrap();
        if number % 2 == 0 {
            tx.commit().unwrap();
            outbox.wake();
            assert_eq!(received.recv_timeout(TIME_LIMIT), Ok(number));
        } else {
            // Dropped, as by an early return: rolled back.
            drop(tx);
        }
    }
    outbox.emit("numbered", numbered(5)).unwrap();
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok(5));
    assert_eq!(own(&connection), 2);
    outbox.drain(TIME_LIMIT).unwrap();
    outbox.close().unwrap();
    assert!(received.try_recv().is_err());
}

/// D2, D10: a transaction that takes an event not in returns its payload, and is still open.
#[test]
fn a_payload_that_a_transaction_rejects_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (outbox, received) = started(&file);
    let mut connection = connect(&file);
    let tx = connection.transaction().unwrap();
    let in_tx = outbox.in_tx(&tx).unwrap();
    let plain = TypedTopic::<String>::new("plain");
    let error = plain.emit_in(&in_tx, String::from("x")).unwrap_err();
    assert!(error.to_string().contains("not durable"), "{error}");
    assert_eq!(error.into_payload().unwrap(), "x");
    NUMBERED.emit_in(&in_tx, numbered(1)).unwrap();
    tx.commit().unwrap();
    outbox.wake();
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok(1));

    let mut other = connect(&folder.path().join("other.db"));
    let tx = other.transaction().unwrap();
    let in_tx = outbox.in_tx(&tx).unwrap();
    let error = NUMBERED.emit_in(&in_tx, numbered(2)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with("the transaction is one of another database"),
        "{text}"
    );
    assert_eq!(error.into_payload().unwrap().number, 2);
    tx.commit().unwrap();
    outbox.close().unwrap();
    assert!(received.try_recv().is_err());
}

/// D3, D19: a statement of another driver that meets a conflict uses a position up. Nobody waits for an event there.
#[test]
fn nobody_waits_for_a_position_that_a_conflict_has_used_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (outbox, received) = started(&file);
    let connection = connect(&file);
    let event = BaseEvent::new("numbered", numbered(1)).with_id(7_u128);
    for _ in 0..2 {
        let statement = outbox.statement(&event).unwrap();
        let values = statement.values.into_iter().map(|value| match value {
            SqlValue::Integer(value) => Value::Integer(value),
            SqlValue::Text(value) => Value::Text(value),
            SqlValue::Blob(value) => Value::Blob(value),
            _ => Value::Null,
        });
        let values = params_from_iter(values);
        connection.execute(&statement.sql, values).unwrap();
    }
    outbox.wake();
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok(1));
    outbox.drain(TIME_LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].waiting, 0);
    outbox.close().unwrap();

    let (outbox, received) = started(&file);
    outbox.drain(TIME_LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].waiting, 0);
    outbox.emit("numbered", numbered(2)).unwrap();
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok(2));
    outbox.close().unwrap();
}

/// D10: an event in a transaction is not lost if the outbox learns of it only after a restart.
#[test]
fn an_event_that_nobody_was_woken_for_is_delivered_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (outbox, received) = started(&file);
    let mut connection = connect(&file);
    let tx = connection.transaction().unwrap();
    tx.execute("INSERT INTO own VALUES (1)", ()).unwrap();
    outbox
        .in_tx(&tx)
        .unwrap()
        .emit("numbered", numbered(1))
        .unwrap();
    tx.commit().unwrap();
    outbox.close().unwrap();
    assert!(received.try_recv().is_err());

    let (outbox, received) = started(&file);
    assert_eq!(received.recv_timeout(TIME_LIMIT), Ok(1));
    outbox.close().unwrap();
}

/// D10: events that others commit between events of this process are delivered in the order of the log.
#[test]
fn events_of_others_are_delivered_among_those_of_this_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (outbox, received) = started(&file);
    let mut connection = connect(&file);
    let mut expected = Vec::new();
    for round in 0..20 {
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        for number in [4 * round, 4 * round + 1, 4 * round + 2] {
            let in_tx = outbox.in_tx(&tx).unwrap();
            in_tx.emit("numbered", numbered(number)).unwrap();
        }
        tx.commit().unwrap();
        // Nobody wakes it: it finds what is before its own event.
        outbox.emit("numbered", numbered(4 * round + 3)).unwrap();
        expected.extend(4 * round..4 * round + 4);
    }
    outbox.wake();
    outbox.drain(TIME_LIMIT).unwrap();
    let mut handled: Vec<u64> = received.try_iter().collect();
    handled.sort_unstable();
    assert_eq!(handled, expected);
    outbox.close().unwrap();
}

/// D1, D10: a connection that may lose commits is rejected, with the reason.
#[test]
fn a_connection_that_is_not_synchronous_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let (outbox, _received) = started(&file);
    let mut connection = connect(&file);
    for synchronous in ["NORMAL", "OFF"] {
        connection
            .pragma_update(None, "synchronous", synchronous)
            .unwrap();
        let tx = connection.transaction().unwrap();
        let refused = outbox
            .in_tx(&tx)
            .and_then(|in_tx| {
                let emitted = in_tx.emit("numbered", numbered(1));
                match emitted {
                    Ok(_) => Ok(()),
                    Err(error) => Err(store_error(&error)),
                }
            })
            .unwrap_err();
        let StoreError::Unsafe { why, .. } = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("synchronous"), "{why}");
    }
    outbox.drain(TIME_LIMIT).unwrap();
    assert_eq!(outbox.stats().events, 0);
    outbox.close().unwrap();
}

fn store_error(error: &soiree::EmitError) -> StoreError {
    let soiree::EmitError::NotStored { source, .. } = error else {
        panic!("{error:?}");
    };
    let soiree::NotStored::Store(error) = source else {
        panic!("{source:?}");
    };
    let error = Arc::clone(error);
    match &*error {
        StoreError::Unsafe { store, why } => StoreError::Unsafe {
            store: store.clone(),
            why: why.clone(),
        },
        other => panic!("{other:?}"),
    }
}
