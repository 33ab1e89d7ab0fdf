//! Events in the program's own transaction.

use soiree_core::store::{Appended, StartFrom, Store, StoreError};
use soiree_sqlite::rusqlite::types::Value;
use soiree_sqlite::rusqlite::{Connection, params_from_iter};
use soiree_sqlite::{SqlValue, SqliteStore};

use crate::support::{Folder, append, append_numbers, at, claim_from, event, positions, read_all};

/// D10: an event is there if the program's transaction is committed, and only then.
#[test]
fn an_event_shares_the_fate_of_the_transaction() {
    let folder = Folder::new();
    let store = folder.open();
    let mut db = folder.connect();
    db.execute_batch("CREATE TABLE invoice(number INTEGER)")
        .unwrap();
    for commits in [false, true] {
        let tx = db.transaction().unwrap();
        tx.execute("INSERT INTO invoice VALUES (7)", ()).unwrap();
        let appended = store.append_in(&tx, &event(7)).unwrap();
        assert_eq!(appended, Appended::New(at(1)));
        assert_eq!(read_all(&store), []);
        if commits {
            tx.commit().unwrap();
        }
    }
    let read = read_all(&store);
    assert_eq!(read.len(), 1);
    assert_eq!((&read[0].event, &read[0].damage), (&event(7), &None));
    assert_eq!(append(&store, &[event(7)]), [Appended::Duplicate(at(1))]);
    let tx = db.transaction().unwrap();
    let again = store.append_in(&tx, &event(7)).unwrap();
    assert_eq!(again, Appended::Duplicate(at(1)));
}

/// D2: an event that a rule of the program keeps out is not in the transaction, though the rule undoes nothing itself.
#[test]
fn what_was_not_appended_is_not_committed_either() {
    let folder = Folder::new();
    let store = folder.open();
    let mut db = folder.connect();
    let rule = "CREATE TABLE invoice(number INTEGER); CREATE TRIGGER rule AFTER INSERT ON soiree_event \
                WHEN NEW.topic = 'topic.2' BEGIN SELECT RAISE(FAIL, 'not this one'); END";
    db.execute_batch(rule).unwrap();
    let tx = db.transaction().unwrap();
    tx.execute("INSERT INTO invoice VALUES (7)", ()).unwrap();
    let error = store.append_in(&tx, &event(2)).unwrap_err();
    assert!(error.to_string().contains("not this one"), "{error}");
    let appended = store.append_in(&tx, &event(3)).unwrap();
    assert_eq!(appended, Appended::New(at(1)));
    tx.commit().unwrap();
    let read = read_all(&store);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].event, event(3));
    let invoices = db.query_row("SELECT count(*) FROM invoice", (), |row| row.get(0));
    assert_eq!(invoices, Ok(1));
}

/// D2: a position becomes visible in the order of commits: while one transaction has one, no other can take the next.
#[test]
fn no_lower_position_appears_later() {
    let folder = Folder::new();
    let store = SqliteStore::at(folder.file()).busy_timeout(std::time::Duration::ZERO);
    store.open().unwrap();
    let mut db = folder.connect();
    let tx = db.transaction().unwrap();
    store.append_in(&tx, &event(1)).unwrap();
    let batch = soiree_core::store::Batch {
        appends: &[event(2)],
        marks: &[],
    };
    let error = store.commit(&batch).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    tx.commit().unwrap();
    append_numbers(&store, [2]);
    let read: Vec<_> = read_all(&store)
        .iter()
        .map(|record| record.event.id)
        .collect();
    assert_eq!(read, [event(1).id, event(2).id]);
}

/// D10: a connection whose commits may be lost is rejected, unless that is allowed.
#[test]
fn a_connection_that_does_not_wait_for_the_disk_is_rejected() {
    let folder = Folder::new();
    let store = folder.open();
    let mut db = folder.connect();
    for level in ["NORMAL", "OFF"] {
        db.pragma_update(None, "synchronous", level).unwrap();
        let tx = db.transaction().unwrap();
        let error = store.append_in(&tx, &event(1)).unwrap_err();
        assert!(matches!(error, StoreError::Unsafe { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("events.db") && text.contains(level), "{text}");
    }
    let reckless = SqliteStore::at(folder.file()).allow_unsafe(true);
    reckless.open().unwrap();
    let tx = db.transaction().unwrap();
    reckless.append_in(&tx, &event(1)).unwrap();
    tx.commit().unwrap();
    assert_eq!(read_all(&store).len(), 1);
}

/// D10: a transaction of another database is an error, and stays open.
#[test]
fn a_transaction_of_another_database_is_rejected() {
    let (folder, other) = (Folder::new(), Folder::new());
    let store = folder.open();
    drop(other.open());
    let mut empty = Connection::open_in_memory().unwrap();
    for db in [&mut other.connect(), &mut empty] {
        let tx = db.transaction().unwrap();
        let error = store.append_in(&tx, &event(1)).unwrap_err();
        assert!(error.to_string().contains("another database"), "{error}");
        tx.execute_batch("CREATE TABLE a(b)").unwrap();
        tx.commit().unwrap();
    }
    let closed = SqliteStore::at(folder.file());
    let mut db = folder.connect();
    let error = closed.append_in(&db.transaction().unwrap(), &event(1));
    assert!(matches!(error, Err(StoreError::NotOpen { .. })));
    let small = SqliteStore::at(folder.file()).max_payload(1);
    small.open().unwrap();
    let error = small.append_in(&db.transaction().unwrap(), &event(1));
    assert!(matches!(error, Err(StoreError::TooLarge { .. })));
}

/// D10: the statement for other drivers writes what the store would have written.
#[test]
fn a_statement_writes_what_the_store_writes() {
    let folder = Folder::new();
    let store = SqliteStore::at(folder.file()).table_prefix("acme");
    store.open().unwrap();
    let mut bare = event(2);
    bare.properties = Default::default();
    let db = folder.connect();
    for (record, changes) in [(event(1), 1), (bare.clone(), 1), (event(1), 0)] {
        let statement = store.statement(&record);
        let values = statement.values.into_iter().map(|value| match value {
            SqlValue::Null => Value::Null,
            SqlValue::Integer(value) => Value::Integer(value),
            SqlValue::Text(value) => Value::Text(value),
            SqlValue::Blob(value) => Value::Blob(value),
        });
        let changed = db
            .execute(&statement.sql, params_from_iter(values))
            .unwrap();
        assert_eq!(changed, changes);
    }
    let read = read_all(&store);
    assert!(
        read.iter().all(|record| record.damage.is_none()),
        "{read:?}"
    );
    let read: Vec<_> = read.into_iter().map(|record| record.event).collect();
    assert_eq!(read, [event(1), bare]);
}

/// D10: a shared store notices the commits of others, once, and none of its own.
#[test]
fn commits_of_others_are_noticed() {
    let folder = Folder::new();
    let alone = folder.open();
    let store = SqliteStore::at(folder.file()).shared(true);
    store.open().unwrap();
    assert!(!store.changed().unwrap());
    append_numbers(&store, [1]);
    assert!(!store.changed().unwrap());
    let mut db = folder.connect();
    let tx = db.transaction().unwrap();
    store.append_in(&tx, &event(2)).unwrap();
    assert!(!store.changed().unwrap());
    tx.commit().unwrap();
    assert!(store.changed().unwrap());
    assert!(!store.changed().unwrap());
    append_numbers(&alone, [3]);
    assert!(store.changed().unwrap());
    assert!(!alone.changed().unwrap());
}

/// D16: two prefixes in one file are two stores.
#[test]
fn two_prefixes_are_two_stores() {
    let folder = Folder::new();
    let one = folder.open();
    let other = SqliteStore::at(folder.file()).table_prefix("Other");
    let id = other.open().unwrap().id;
    assert_ne!(one.open().unwrap().id, id);
    append_numbers(&one, 1..=3);
    append_numbers(&other, [4]);
    let (_, progress) = claim_from(&one, "a", StartFrom::Now);
    assert_eq!(progress.floor, at(3));
    let (_, progress) = claim_from(&other, "a", StartFrom::Now);
    assert_eq!(progress.floor, at(1));
    let read: Vec<_> = read_all(&other)
        .iter()
        .map(|record| record.position)
        .collect();
    assert_eq!(read, positions([1]));
    assert!(folder.path().join("events.db.other").is_dir());
}
