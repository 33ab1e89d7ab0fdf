//! Stores without room.

use soiree_core::store::{Batch, Millis, Store, StoreError};
use soiree_sqlite::SqliteStore;

use crate::support::{Folder, append, append_numbers, at, claim, event, mark, positions, read_all};

/// D12: a full store takes no event and loses none; it takes progress, and events again once others were swept.
#[test]
fn a_full_store_has_room_again_after_a_sweep() {
    let folder = Folder::new();
    let store = SqliteStore::at(folder.file()).max_bytes(256 << 10);
    store.open().unwrap();
    let (term, _) = claim(&store, "a");
    let large = |number| {
        let mut large = event(number);
        large.payload = vec![7; 3_000];
        large
    };
    let mut stored = 0;
    let error = loop {
        let events = [large(stored + 1), large(stored + 2)];
        let batch = Batch {
            appends: &events,
            marks: &[],
        };
        match store.commit(&batch) {
            Ok(_) => stored += 2,
            Err(error) => break error,
        }
        assert!(stored < 1_000);
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("events.db"), "{error}");
    assert!(stored > 20);
    assert_eq!(read_all(&store).len() as u64, stored);
    // Each other event, one by one: rows that need room of their own.
    let ended: Vec<u64> = (1..=stored).step_by(2).collect();
    mark(&store, &term, |marks| {
        marks.ended = positions(ended.clone())
    });
    assert_eq!(
        store.sweep(at(stored), Millis(i64::MAX), 1_000).unwrap(),
        ended.len() as u64
    );
    append(&store, &[large(stored + 1)]);
    assert_eq!(read_all(&store).last().unwrap().position, at(stored + 1));
    drop(store);
    assert!(folder.file().metadata().unwrap().len() <= (256 << 10));
}

/// D15: at rest the file becomes short again.
#[test]
fn a_swept_file_becomes_short() {
    let folder = Folder::new();
    let store = folder.open();
    let mut events: Vec<_> = (1..=2_000).map(event).collect();
    for event in &mut events {
        event.payload = vec![1; 4_000];
    }
    append(&store, &events);
    let mut sweeps = 0;
    while store.sweep(at(2_000), Millis(i64::MAX), 100).unwrap() > 0 {
        sweeps += 1;
    }
    assert_eq!(sweeps, 20);
    append_numbers(&store, [1]);
    store.close().unwrap();
    let bytes = folder.file().metadata().unwrap().len();
    assert!(bytes < 4 << 20, "{bytes}");
}
