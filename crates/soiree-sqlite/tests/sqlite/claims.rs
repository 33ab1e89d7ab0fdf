//! Which store handles the events of a listener.

use soiree_core::store::{Claim, ParkedState, StartFrom, Store, StoreError};
use soiree_sqlite::SqliteStore;

use crate::support::{Folder, append_numbers, at, claim, claim_from, mark, parked, positions};

fn is_elsewhere(store: &SqliteStore, listener: &str) -> bool {
    store.claim(listener, "**", StartFrom::Now).unwrap() == Claim::Elsewhere
}

/// D14: a listener is claimed by one store at a time, in one process as in two.
#[test]
fn a_listener_is_claimed_once() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let (term, _) = claim(&one, "a");
    assert!(is_elsewhere(&other, "a"));
    let (b, _) = claim(&other, "b");
    assert!(is_elsewhere(&one, "b"));
    assert!(!other.renew(&term).unwrap());
    assert!(other.renew(&b).unwrap());

    one.release(&term).unwrap();

    assert!(!one.renew(&term).unwrap());
    let (term, progress) = claim(&other, "a");
    assert_eq!(term.number, 2);
    assert!(!progress.is_new);
    assert!(is_elsewhere(&one, "a"));
    other.close().unwrap();
    claim(&one, "a");
    drop(one);
    claim(&folder.open(), "a");
}

/// D14: two paths to one file are one store.
#[cfg(unix)]
#[test]
fn links_to_a_file_are_one_store() {
    let folder = Folder::new();
    let one = folder.open();
    claim(&one, "a");
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.file(), &link).unwrap();
    let other = SqliteStore::at(&link);
    let opened = other.open().unwrap();
    assert_eq!(opened.listeners.len(), 1);
    assert!(is_elsewhere(&other, "a"));
}

/// D14: a new listener starts at the end or at the oldest event.
#[test]
fn a_new_listener_starts_where_it_says() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=3);
    let (_, now) = claim_from(&store, "now", StartFrom::Now);
    let (_, oldest) = claim_from(&store, "oldest", StartFrom::Oldest);
    assert_eq!((now.floor, now.begun), (at(3), at(3)));
    assert_eq!((oldest.floor, oldest.begun), (at(0), at(0)));
    let (_, again) = claim_from(&store, "now", StartFrom::Oldest);
    assert_eq!(again.floor, at(3));
    assert!(!again.is_new);
}

/// D14: the pattern is the one of the last claim.
#[test]
fn a_claim_records_the_pattern() {
    let folder = Folder::new();
    let store = folder.open();
    for pattern in ["a.*", "b.**"] {
        store.claim("x", pattern, StartFrom::Now).unwrap();
        let listeners = store.listeners().unwrap();
        assert_eq!(
            (&*listeners[0].name, &*listeners[0].pattern),
            ("x", pattern)
        );
    }
    assert_eq!(store.open().unwrap().listeners.len(), 1);
}

/// D14: a claimed listener is neither removed nor renamed; a free one is, with all that belongs to it.
#[test]
fn only_free_listeners_are_removed_or_renamed() {
    let folder = Folder::new();
    let (store, other) = (folder.open(), folder.open());
    append_numbers(&store, 1..=5);
    let (term, _) = claim(&store, "a");
    mark(&store, &term, |marks| {
        marks.ended = positions([3]);
        marks.parked = vec![parked(2, ParkedState::Dead)];
    });
    for store in [&store, &other] {
        let errors = [
            store.remove_listener("a").unwrap_err(),
            store.rename_listener("a", "b").unwrap_err(),
            store.rename_listener("b", "a").unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
            assert!(error.to_string().contains("\"a\""), "{error}");
        }
    }
    store.release(&term).unwrap();
    assert!(!other.rename_listener("a", "a").unwrap());
    assert!(!other.rename_listener("x", "y").unwrap());
    assert!(other.rename_listener("a", "b").unwrap());
    let (term, progress) = claim(&store, "b");
    assert_eq!((term.number, progress.done), (2, positions([3])));
    assert_eq!(store.parked("b", None, at(0), 9).unwrap().len(), 1);
    store.release(&term).unwrap();
    assert!(store.remove_listener("b").unwrap());
    assert!(!store.remove_listener("b").unwrap());
    assert_eq!(store.listeners().unwrap(), []);
    let (term, progress) = claim(&store, "b");
    assert!(progress.is_new && progress.done.is_empty());
    assert_eq!(term.number, 1);
    assert_eq!(store.parked("b", None, at(0), 9).unwrap(), []);
}
