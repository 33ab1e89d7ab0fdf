//! What the store relies on in SQLite.

use soiree_core::store::Store;
use soiree_sqlite::rusqlite::Connection;

use crate::support::{Folder, append_numbers, claim, read_all};

/// D1: a number without AUTOINCREMENT is given again after all rows are gone; with it, it is not.
#[test]
fn only_autoincrement_never_gives_a_number_twice() {
    for (kind, next) in [("", 1), ("AUTOINCREMENT", 3)] {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!(
            "CREATE TABLE t(seq INTEGER PRIMARY KEY {kind}, a);
             INSERT INTO t(a) VALUES (1), (2); DELETE FROM t; INSERT INTO t(a) VALUES (3)"
        ))
        .unwrap();
        let seq: i64 = db
            .query_row("SELECT seq FROM t", (), |row| row.get(0))
            .unwrap();
        assert_eq!(seq, next, "{kind:?}");
    }
}

/// D13: a reader between two calls keeps nothing: the log can be emptied, and does not grow for ever.
#[test]
fn reads_do_not_keep_the_log() {
    let folder = Folder::new();
    let store = folder.open();
    let (term, _) = claim(&store, "a");
    for number in 1..=20 {
        append_numbers(&store, [number]);
        assert_eq!(read_all(&store).len() as u64, number);
        store.renew(&term).unwrap();
    }
    let busy: i64 = folder
        .connect()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
    assert_eq!(store.size().unwrap().wal_bytes, 0);
}

/// D1: a connection of the program has full durability unless it says otherwise.
#[test]
fn full_durability_is_the_default() {
    let folder = Folder::new();
    let _store = folder.open();
    let level = |pragma: &str| -> i64 {
        let pragma = format!("PRAGMA {pragma}");
        let db = folder.connect();
        db.query_row(&pragma, (), |row| row.get(0)).unwrap()
    };
    assert_eq!(level("synchronous"), 2);
    assert_eq!(level("auto_vacuum"), 2);
    assert_eq!(level("user_version"), 0);
}
