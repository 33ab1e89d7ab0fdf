use std::thread;

use soiree_testkit::{FaultyStore, MemoryStore, StoreMethod};

use super::support::{outbox, wait_until};

/// D1: events that are emitted while others are stored share the next commit, as each may take as long as the disk.
#[test]
fn emits_that_wait_share_a_commit() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let before = store.calls(StoreMethod::Commit);
    let gate = store.hold(StoreMethod::Commit);
    thread::scope(|scope| {
        let emit = || outbox.emit("kept.a", String::from("x")).unwrap();
        scope.spawn(emit);
        gate.wait_until_held(1);
        for _ in 0..3 {
            scope.spawn(emit);
        }
        wait_until("all wait", || outbox.stats().queued == 3);
        gate.release();
    });
    assert_eq!(store.calls(StoreMethod::Commit) - before, 2);
    assert_eq!(outbox.stats().stored, 4);
    outbox.close().unwrap();
}
