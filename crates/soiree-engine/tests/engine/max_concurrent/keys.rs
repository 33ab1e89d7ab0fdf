//! Limits for each key.

use std::thread;

use soiree_core::{ListenerErrorKind, ListenerOptions};

use super::{assert_at_rest, wait, wait_for_waiting, with_workers};
use crate::support::Blocker;

/// At most one call for each number; events without one are not limited.
fn by_number() -> ListenerOptions {
    ListenerOptions::new().max_concurrent_by(1, |event| event.payload_as::<u32>().map(|key| *key))
}

/// W5: calls wait for those of the same key only.
#[test]
fn the_limit_holds_for_each_key() {
    let soiree = with_workers(4);
    let blocker = Blocker::on(&soiree, "a", by_number());
    let mut emissions = Vec::new();
    for key in [1_u32, 2] {
        emissions.push(soiree.emit("a", key).unwrap());
        blocker.wait_started();
    }
    emissions.push(soiree.emit("a", "no number").unwrap());
    blocker.wait_started();
    emissions.push(soiree.emit("a", 2_u32).unwrap());
    wait_for_waiting(&soiree, 1);
    thread::scope(|scope| {
        scope.spawn(|| soiree.emit_sync("a", 3_u32).unwrap());
        blocker.wait_started();
        // Released in the order in which they started: the one with key 1 first, which nothing waits for.
        blocker.release();
        assert!(wait(&emissions[0]).is_ok());
        assert_eq!(soiree.stats().waiting.turn, 1);
        blocker.release();
        blocker.wait_started();
        for _ in 0..3 {
            blocker.release();
        }
    });
    assert!(emissions.iter().all(|emission| wait(emission).is_ok()));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, L4: a key function that panics counts as a panic of the listener, and the other listeners are called.
#[test]
fn a_key_function_that_panics_is_a_panic_of_the_listener() {
    let soiree = with_workers(1);
    let panics = |_: &dyn soiree::Event| -> Option<u8> { panic!("no key") };
    let options = ListenerOptions::new().max_concurrent_by(1, panics);
    soiree.on_with("a", options, |_| ()).unwrap();
    soiree.on("a", |_| ()).unwrap();
    crate::support::emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered(), report.failed()), (2, 1));
        assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Panicked);
        assert_eq!(report.errors()[0].panic_message(), Some("no key"));
    });
    soiree.close().unwrap();
}
