//! Files that can be no store.

use std::fs;
use std::path::Path;
use std::time::Duration;

use soiree_core::store::{Store, StoreError};
use soiree_sqlite::{SCHEMA_VERSION, SqliteStore};

use crate::support::{Folder, append_numbers, claim, read_all};

fn open_error(path: &Path) -> StoreError {
    SqliteStore::at(path).open().unwrap_err()
}

/// The text of the error, which names the file.
fn open_text(path: &Path) -> String {
    let text = open_error(path).to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    text
}

/// D16: what is no database is left as it is, and named.
#[test]
fn what_is_no_database_is_an_error() {
    let folder = Folder::new();
    let text = folder.path().join("notes.txt");
    for content in ["x", &"Dear diary. ".repeat(1_000)] {
        fs::write(&text, content).unwrap();
        assert!(open_text(&text).contains("file of another kind"));
        assert_eq!(fs::read_to_string(&text).unwrap(), content);
    }
    assert!(open_text(folder.path()).contains("is a directory"));
    let missing = folder.path().join("no/such/events.db");
    assert!(open_text(&missing).contains("create it first"));
    assert!(
        open_error(Path::new(""))
            .to_string()
            .contains("path is empty")
    );
    let under_a_file = text.join("events.db");
    assert!(open_text(&under_a_file).contains("cannot be used"));
    assert!(open_text(&folder.path().join("..")).contains("is a directory"));
    let long = folder.path().join("x".repeat(300));
    assert!(open_text(&long).contains("cannot be used"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_database() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mkfifo");
        return;
    }
    assert!(open_text(&pipe).contains("no ordinary file"));
}

/// D16: an empty file becomes a store; only its owner may read what is made.
#[cfg(unix)]
#[test]
fn new_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, [1]);
    claim(&store, "a");
    let mode = |name: &str| {
        let found = fs::metadata(folder.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    for name in [
        "events.db",
        "events.db-wal",
        "events.db-shm",
        "events.db.soiree/a.lock",
    ] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode("events.db.soiree"), 0o700);
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let store = SqliteStore::at(&empty);
    store.open().unwrap();
    append_numbers(&store, [1]);
}

/// D16: a file that cannot be written is an error.
#[cfg(unix)]
#[test]
fn a_file_that_is_read_only_is_an_error() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let folder = Folder::new();
    drop(folder.open());
    if fs::metadata(folder.file()).unwrap().uid() == 0 {
        eprintln!("skipped: root may write every file");
        return;
    }
    for mode in [0o400, 0o000] {
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(mode)).unwrap();
        assert!(open_text(&folder.file()).contains("cannot be used"));
    }
}

/// D16: a log without its database is not thrown away.
#[test]
fn a_log_without_its_database_is_kept() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=3);
    let log = fs::read(folder.log()).unwrap();
    let copy = Folder::new();
    for missing in [true, false] {
        fs::write(copy.log(), &log).unwrap();
        if !missing {
            fs::write(copy.file(), "").unwrap();
        }
        assert!(open_text(&copy.file()).contains("restore both"));
        assert_eq!(fs::read(copy.log()).unwrap(), log);
    }
}

/// D16: a newer schema is an error with both versions, and nothing is changed.
#[test]
fn a_newer_schema_is_an_error() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=3);
    drop(store);
    let set = |value: &str| {
        let set = format!("UPDATE soiree_meta SET value = {value} WHERE name = 'schema'");
        folder.connect().execute_batch(&set).unwrap();
    };
    set("99");
    let before = fs::read(folder.file()).unwrap();
    let error = open_error(&folder.file());
    assert!(matches!(
        error,
        StoreError::NewerSchema {
            found: 99,
            known: SCHEMA_VERSION,
            ..
        }
    ));
    assert_eq!(fs::read(folder.file()).unwrap(), before);
    for unknown in ["0", "-1", "'1'", "x'00'"] {
        set(unknown);
        let error = open_error(&folder.file());
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }
    set("1");
    assert_eq!(read_all(&folder.open()).len(), 3);
}

/// D16: tables of the program and its version are left alone; tables with our names are not taken for ours.
#[test]
fn foreign_tables_are_left_alone() {
    let folder = Folder::new();
    let db = folder.connect();
    db.execute_batch(
        "CREATE TABLE user(name); INSERT INTO user VALUES ('x'); PRAGMA user_version = 41",
    )
    .unwrap();
    let store = folder.open();
    append_numbers(&store, [1]);
    let user: (String, i64) = db
        .query_row(
            "SELECT name, (SELECT user_version FROM pragma_user_version) FROM user",
            (),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(user, ("x".into(), 41));
    db.execute_batch("CREATE TABLE ACME_Event(a)").unwrap();
    let other = SqliteStore::at(folder.file()).table_prefix("acme");
    let text = other.open().unwrap_err().to_string();
    assert!(text.contains("acme_event of another program"), "{text}");
    let bad = SqliteStore::at(folder.file()).table_prefix("a b");
    let text = bad.open().unwrap_err().to_string();
    assert!(text.contains("\"a b\""), "{text}");
}

/// D17: tables that were changed are an error of `open`, and not of the first event.
#[test]
fn changed_tables_are_an_error() {
    for (change, what) in [
        (
            "ALTER TABLE soiree_event RENAME COLUMN crc TO c",
            "no column named crc",
        ),
        ("DROP TABLE soiree_parked", "no such table"),
        (
            "DELETE FROM soiree_meta WHERE name = 'schema'",
            "version of the schema",
        ),
        (
            "UPDATE soiree_meta SET value = 'x' WHERE name = 'store'",
            "is no ID",
        ),
        (
            "UPDATE sqlite_sequence SET seq = 0; DELETE FROM soiree_event",
            "\"a\" has come to 3",
        ),
        ("UPDATE soiree_listener SET floor = 2", "listener \"a\""),
        ("UPDATE soiree_listener SET term = 'x'", "damaged"),
    ] {
        let folder = Folder::new();
        let store = folder.open();
        append_numbers(&store, 1..=3);
        let (term, _) = claim(&store, "a");
        crate::support::mark(&store, &term, |marks| {
            marks.floor = Some(crate::support::at(3))
        });
        drop(store);
        folder.connect().execute_batch(change).unwrap();
        let error = open_error(&folder.file());
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{change}: {error:?}"
        );
        assert!(error.to_string().contains(what), "{change}: {error}");
    }
}

/// D12: a file that another connection keeps to itself is busy.
#[test]
fn a_locked_file_is_busy() {
    let folder = Folder::new();
    let store = folder.open();
    store.close().unwrap();
    let db = folder.connect();
    db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE a(b); COMMIT")
        .unwrap();
    let store = SqliteStore::at(folder.file()).busy_timeout(Duration::ZERO);
    let error = store.open().unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    drop(db);
    store.open().unwrap();
}

/// D14: locks that cannot be made are an error that names them.
#[test]
fn locks_that_cannot_be_made_are_an_error() {
    let folder = Folder::new();
    fs::write(folder.path().join("events.db.soiree"), "").unwrap();
    let text = open_text(&folder.file());
    assert!(text.contains("events.db.soiree"), "{text}");
}

/// D14: locks that somebody has removed are made again.
#[test]
fn removed_locks_are_made_again() {
    let folder = Folder::new();
    let store = folder.open();
    fs::remove_dir_all(folder.path().join("events.db.soiree")).unwrap();
    claim(&store, "a");
}

/// D1, D16: a file that a power cut has left half made becomes a store that several connections use: its first page says that it has a log,
/// but a journal takes that back.
#[test]
fn a_file_that_was_left_half_made_becomes_a_store() {
    let folder = Folder::new();
    let file = folder.file();
    let db = folder.connect();
    db.execute_batch("PRAGMA user_version = 1").unwrap();
    let before = fs::read(&file).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    let after = fs::read(&file).unwrap();
    drop(db);
    assert_eq!((before[18], after[18], after.len()), (1, 2, 4096));
    fs::write(&file, &after).unwrap();
    fs::write(folder.path().join("events.db-journal"), journal(&before)).unwrap();
    // A header that no frame follows.
    let mut log = vec![0x37, 0x7f, 0x06, 0x82, 0x00, 0x2d, 0xe2, 0x18];
    log.resize(32, 0);
    fs::write(folder.log(), log).unwrap();
    let first = folder.open();
    // While the log is empty, other connections go by the first page.
    assert_eq!(read_all(&first), []);
    let second = SqliteStore::at(&file).busy_timeout(Duration::ZERO);
    second.open().unwrap();
    append_numbers(&second, [1]);
    append_numbers(&first, [2]);
    assert_eq!(read_all(&second).len(), 2);
}

/// A rollback journal with one page, as SQLite writes it.
fn journal(page: &[u8]) -> Vec<u8> {
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let (pages, nonce, size, sector) = (1_u32, 0_u32, 1_u32, 512_u32);
    let page_size = u32::try_from(page.len()).unwrap();
    for number in [pages, nonce, size, sector, page_size] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    journal.extend(1_u32.to_be_bytes());
    journal.extend(page);
    let summed = (1..page.len()).rev().skip(199).step_by(200);
    let sum: u32 = summed.map(|at| u32::from(page[at])).sum();
    journal.extend((nonce + sum).to_be_bytes());
    journal
}
