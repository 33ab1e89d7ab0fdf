//! `FaultyStore` fails and waits when the test says so.

use std::thread;

use soiree_core::store::{Position, Store, StoreError};
use soiree_testkit::{FaultyStore, MemoryStore, StoreFault, StoreMethod};

use crate::support::append;

fn store() -> FaultyStore<MemoryStore> {
    let store = FaultyStore::new(MemoryStore::new());
    store.open().unwrap();
    store
}

fn outcomes(store: &FaultyStore<MemoryStore>, ids: std::ops::Range<u128>) -> Vec<bool> {
    ids.map(|id| append(store, &[id]).is_ok()).collect()
}

/// D13: the next calls fail, every third, or all, until the store is healed.
#[test]
fn calls_fail_as_planned_and_are_counted() {
    let store = store();
    store.fail_next(StoreMethod::Commit, 2, StoreFault::full());
    assert_eq!(outcomes(&store, 0..4), [false, false, true, true]);
    store.fail_every(StoreMethod::Commit, 3, StoreFault::busy());
    let third = [true, true, false, true, true, false];
    assert_eq!(outcomes(&store, 4..10), third);
    store.fail_all(StoreMethod::Commit, StoreFault::io());
    assert_eq!(outcomes(&store, 10..12), [false, false]);
    assert!(store.size().is_ok());
    store.heal();
    assert_eq!(outcomes(&store, 12..13), [true]);
    assert_eq!(store.calls(StoreMethod::Commit), 13);
    assert_eq!(store.inner().size().unwrap().events, 2 + 4 + 1);
}

/// D1, D2, D13: after an unknown outcome nothing works until the store is opened again, whether it had stored the event or not.
#[test]
fn an_unknown_outcome_closes_the_store() {
    for (fault, stored) in [
        (StoreFault::unknown(), 0),
        (StoreFault::unknown_but_stored(), 1),
    ] {
        let store = store();
        store.fail_next(StoreMethod::Commit, 1, fault);
        let unknown = append(&store, &[1]).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        let closed = append(&store, &[2]).unwrap_err();
        assert!(matches!(closed, StoreError::NotOpen { .. }), "{closed}");
        assert!(store.size().is_err());
        assert_eq!(store.open().unwrap().last, Position(stored));
        append(&store, &[2]).unwrap();
    }
}

/// D13: an error that is made by a closure names the store.
#[test]
fn an_error_may_be_any() {
    let store = store();
    let place = || "page 7".to_owned();
    let fault = StoreFault::new(move |store| StoreError::Corrupt {
        store,
        place: place(),
    });
    store.fail_all(StoreMethod::Open, fault);
    let error = store.open().unwrap_err().to_string();
    assert!(
        error.starts_with("a memory store is damaged: page 7"),
        "{error}"
    );
}

/// D1: a commit that is held before the store is not stored yet; one that is held after it is.
#[test]
fn a_commit_is_held_before_or_after_the_store() {
    for after in [false, true] {
        let store = store();
        let gate = match after {
            false => store.hold(StoreMethod::Commit),
            true => store.hold_after(StoreMethod::Commit),
        };
        assert_eq!(gate.held(), 0);
        let writer = thread::spawn({
            let store = store.clone();
            move || append(&store, &[1])
        });
        gate.wait_until_held(1);
        let stored = u64::from(after);
        assert_eq!(store.size().unwrap().events, stored);
        assert!(!writer.is_finished());
        gate.release();
        writer.join().unwrap().unwrap();
        assert_eq!(store.size().unwrap().events, 1);
        append(&store, &[2]).unwrap();
    }
}

/// D1: calls that one gate has held wait for the gate that replaces it.
#[test]
fn a_second_gate_replaces_the_first() {
    let store = store();
    let first = store.hold(StoreMethod::Commit);
    let writer = thread::spawn({
        let store = store.clone();
        move || append(&store, &[1])
    });
    first.wait_until_held(1);
    let second = store.hold(StoreMethod::Commit);
    first.release();
    second.wait_until_held(1);
    assert!(!writer.is_finished());
    drop(second);
    writer.join().unwrap().unwrap();
}

/// D1: a store that was cut off has what was committed before, or at that moment, and nothing reaches it any more.
#[test]
fn a_store_that_was_cut_off_stays_as_it_is() {
    for (after, stored) in [(false, 1), (true, 2)] {
        let store = store();
        let fault = match after {
            true => StoreFault::cut().after_the_call(),
            false => StoreFault::cut(),
        };
        store.fail_every(StoreMethod::Commit, 2, fault);
        assert_eq!(outcomes(&store, 1..4), [true, false, false]);
        assert!(store.is_cut());
        store.heal();
        for failed in [store.open().map(drop), store.close()] {
            assert!(matches!(failed, Err(StoreError::NotOpen { .. })));
        }
        assert_eq!(store.inner().size().unwrap().events, stored);
    }
    let store = store();
    store.cut();
    assert!(store.is_cut() && append(&store, &[1]).is_err());
}
