//! What `MemoryStore` has beyond the contract of a store.

use soiree_core::EventId;
use soiree_core::store::{Appended, Claim, Millis, Position, StartFrom, Store, StoreError};
use soiree_testkit::MemoryStore;

use crate::support::{append, claim, floor, mark};

fn open() -> MemoryStore {
    let store = MemoryStore::new();
    store.open().unwrap();
    store
}

/// D12: a batch that would exceed the limit is rejected as a whole; marks and duplicates need no room.
#[test]
fn a_full_store_takes_nothing_but_marks_and_duplicates() {
    let store = open().max_events(2);
    append(&store, &[1]).unwrap();
    let full = append(&store, &[2, 3]).unwrap_err();
    assert_eq!(
        full.to_string(),
        "a memory store is full: it holds 2 events at most"
    );
    assert_eq!(store.size().unwrap().events, 1);
    append(&store, &[2, 2]).unwrap();
    let again = append(&store, &[1]).unwrap();
    assert_eq!(again, [Appended::Duplicate(Position(1))]);
    let (term, _) = claim(&store, "ledger");
    mark(&store, floor(&term, 2)).unwrap();
    assert_eq!(store.sweep(Position(2), Millis(9), 9).unwrap(), 2);
    append(&store, &[3, 4]).unwrap();
}

/// D12: a payload that is too large is an error that says how large it may be.
#[test]
fn a_large_payload_is_rejected() {
    let store = open().max_payload(0);
    let error = append(&store, &[1]).unwrap_err();
    let limits = matches!(
        error,
        StoreError::TooLarge {
            bytes: 1,
            limit: 0,
            ..
        }
    );
    assert!(limits, "{error}");
}

/// D14: after a crash, late marks are fenced, and everything else waits until the process starts anew.
#[test]
fn a_crash_ends_the_claims_of_its_process_only() {
    let store = open();
    let other = store.another_process();
    other.open().unwrap();
    append(&store, &[1]).unwrap();
    let (mine, _) = claim(&store, "mine");
    let (theirs, _) = claim(&other, "theirs");
    store.crash();
    for reopened in [false, true] {
        if reopened {
            store.open().unwrap();
        } else {
            let closed = append(&store, &[2]).unwrap_err();
            assert!(matches!(closed, StoreError::NotOpen { .. }), "{closed}");
        }
        let late = mark(&store, floor(&mine, 1)).unwrap_err();
        assert!(matches!(late, StoreError::Fenced { .. }), "{late}");
        assert!(other.renew(&theirs).unwrap());
    }
    mark(&other, floor(&theirs, 1)).unwrap();
    let (next, progress) = claim(&store, "mine");
    assert_eq!((next.number, progress.floor), (2, Position::START));
    assert!(!progress.clean);
    mark(&store, floor(&next, 1)).unwrap();
}

/// D14: the last handle of a process that is dropped ends it; so does a close.
#[test]
fn claims_end_with_the_last_handle() {
    let store = open();
    let other = store.another_process();
    let elsewhere = || store.claim("ledger", "**", StartFrom::Now).unwrap() == Claim::Elsewhere;
    let clone = other.clone();
    clone.open().unwrap();
    claim(&other, "ledger");
    drop(other);
    assert!(elsewhere());
    clone.close().unwrap();
    assert!(!elsewhere());
}

/// D20: only what other processes have changed shows as a change, and only once.
#[test]
fn changes_of_other_processes_show_once() {
    let store = open();
    let other = store.another_process();
    other.open().unwrap();
    append(&store, &[1]).unwrap();
    assert!(!store.changed().unwrap());
    assert!(other.changed().unwrap());
    assert!(!other.changed().unwrap());
    append(&other, &[2]).unwrap();
    append(&store, &[3]).unwrap();
    assert!(store.changed().unwrap());
    assert!(!store.changed().unwrap());
}

/// D17: a damaged event says so, and its payload is not what was stored.
#[test]
fn a_damaged_event_shows_it() {
    let store = open();
    append(&store, &[1]).unwrap();
    assert!(!store.damage(Position(2)));
    assert!(store.damage(Position(1)));
    let found = store.find(EventId::from(1)).unwrap().unwrap();
    assert!(found.damage.is_some());
    assert_ne!(found.event.payload, b"x");
}
