//! Disks that fail, made by strace. Skipped where it cannot be used.

use std::process::Command;

use soiree_core::EventId;
use soiree_core::store::{Batch, Store, StoreError};
use soiree_sqlite::SqliteStore;

use crate::support::{Folder, append_numbers, child, event, part_of_child, read_all};

const EVENTS: u64 = 60;

/// What the child says about each event.
fn commit_all(store: &SqliteStore) {
    for number in 1..=EVENTS {
        let events = [event(number)];
        let batch = Batch {
            appends: &events,
            marks: &[],
        };
        let word = match store.commit(&batch) {
            Ok(_) => "ok",
            Err(StoreError::Full { .. }) => "full",
            Err(StoreError::Io { .. }) => "io",
            Err(StoreError::Unknown { .. }) => {
                let errors = [
                    store.commit(&batch).map(|_| ()).unwrap_err(),
                    store.find(EventId::from(1)).map(|_| ()).unwrap_err(),
                    store
                        .sweep(Default::default(), Default::default(), 1)
                        .map(|_| ())
                        .unwrap_err(),
                ];
                let is_closed = |error: &StoreError| matches!(error, StoreError::NotOpen { .. });
                assert!(errors.iter().all(is_closed), "{errors:?}");
                match store.open() {
                    Ok(_) => "unknown-reopened",
                    Err(_) => "unknown",
                }
            }
            Err(StoreError::NotOpen { .. }) => "closed",
            Err(error) => panic!("{error:?}"),
        };
        println!("\nevent {number} {word}");
    }
}

/// Runs the child with a fault, and returns what it said about each event. `None` if strace cannot be used.
fn with_fault(test: &str, inject: &[&str], folder: &Folder) -> Option<Vec<(u64, String)>> {
    let strace = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .output();
    if !strace.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: strace is missing or cannot trace");
        return None;
    }
    // The file is made before, so that the fault is in a commit.
    append_numbers(&folder.open(), [1_000]);
    let child = child(test, "commit", folder.path());
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    for inject in inject {
        command.args(["-e", &format!("inject={inject}")]);
    }
    command.arg(child.get_program()).args(child.get_args());
    for (name, value) in child.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.lines().filter_map(|line| {
        let (number, word) = line.strip_prefix("event ")?.split_once(' ')?;
        Some((number.parse().ok()?, word.to_owned()))
    });
    Some(said.collect())
}

fn be_child() -> bool {
    let Some((_, file)) = part_of_child() else {
        return false;
    };
    let store = SqliteStore::at(file);
    store.open().unwrap();
    commit_all(&store);
    true
}

fn count(said: &[(u64, String)], wanted: &str) -> usize {
    said.iter().filter(|(_, word)| word == wanted).count()
}

/// All that was confirmed is there, and nothing that was not, but for what is unknown.
fn check_stored(folder: &Folder, said: &[(u64, String)]) {
    assert_eq!(said.len() as u64, EVENTS);
    let store = folder.open();
    for (number, word) in said {
        let found = store.find(event(*number).id).unwrap();
        match &**word {
            "ok" => assert_eq!(found.unwrap().event, event(*number)),
            "unknown" | "unknown-reopened" => {}
            _ => assert_eq!(found, None, "{number} {word}"),
        }
    }
    assert!(
        read_all(&store)
            .iter()
            .all(|record| record.damage.is_none())
    );
}

/// D13: after a failed fsync the outcome is unknown, and nothing goes on until the store was opened again.
#[test]
fn a_failed_fsync_closes_the_store() {
    const TEST: &str = "faults::a_failed_fsync_closes_the_store";
    if be_child() {
        return;
    }
    let folder = Folder::new();
    let inject = ["fdatasync:error=EIO:when=20", "fsync:error=EIO:when=20"];
    let Some(said) = with_fault(TEST, &inject, &folder) else {
        return;
    };
    assert_eq!(count(&said, "unknown-reopened"), 1, "{said:?}");
    assert_eq!(count(&said, "ok") as u64, EVENTS - 1, "{said:?}");
    check_stored(&folder, &said);
}

/// D13: a disk that goes on failing keeps the store closed.
#[test]
fn a_disk_that_fails_keeps_the_store_closed() {
    const TEST: &str = "faults::a_disk_that_fails_keeps_the_store_closed";
    if be_child() {
        return;
    }
    let folder = Folder::new();
    let inject = ["fdatasync:error=EIO:when=20+", "fsync:error=EIO:when=20+"];
    let Some(said) = with_fault(TEST, &inject, &folder) else {
        return;
    };
    let stored = count(&said, "ok");
    assert!(stored > 5, "{said:?}");
    assert_eq!(count(&said, "unknown"), 1, "{said:?}");
    assert_eq!(count(&said, "closed") + stored + 1, said.len(), "{said:?}");
    check_stored(&folder, &said);
}

/// D12: a full disk stores nothing of the batch, and the store stays open.
#[test]
fn a_full_disk_is_full_and_not_unknown() {
    const TEST: &str = "faults::a_full_disk_is_full_and_not_unknown";
    if be_child() {
        return;
    }
    let folder = Folder::new();
    let inject = ["pwrite64:error=ENOSPC:when=30..60"];
    let Some(said) = with_fault(TEST, &inject, &folder) else {
        return;
    };
    assert!(count(&said, "full") > 3, "{said:?}");
    assert_eq!(
        count(&said, "full") + count(&said, "ok"),
        said.len(),
        "{said:?}"
    );
    assert_eq!(said.last().unwrap().1, "ok");
    check_stored(&folder, &said);
}

/// D13: a write that fails stores nothing, or closes the store.
#[test]
fn a_failed_write_stores_nothing() {
    const TEST: &str = "faults::a_failed_write_stores_nothing";
    if be_child() {
        return;
    }
    let folder = Folder::new();
    let inject = ["pwrite64:error=EIO:when=40+7"];
    let Some(said) = with_fault(TEST, &inject, &folder) else {
        return;
    };
    let stored = count(&said, "ok");
    assert!(stored > 0 && stored < said.len(), "{said:?}");
    check_stored(&folder, &said);
}
