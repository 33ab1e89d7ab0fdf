//! What happens with a listener whose own pool is full.

use soiree::{EventPool, WhenPoolFull};
use soiree_core::{ListenerErrorKind, ListenerOptions};

use crate::support::{Blocker, wait_until, worker_pool};

/// An event pool with a bulkhead of one worker and one place.
fn with_own() -> EventPool {
    EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .bulkhead("own", worker_pool("own", 1, 1))
        .waiting_capacity(3)
        .build()
        .unwrap()
}

fn own() -> ListenerOptions {
    ListenerOptions::new().pool("own")
}

/// L10: calls that may wait do so up to the capacity, hold no worker of the emission's pool, and are counted; those beyond it are rejected,
/// and the error names the bulkhead.
#[test]
fn calls_wait_for_a_place_up_to_the_capacity() {
    let soiree = with_own();
    let options = own().when_full(WhenPoolFull::Wait);
    let blocker = Blocker::on(&soiree, "a", options);
    let emissions: Vec<_> = (0..6).map(|_| soiree.emit("a", ()).unwrap()).collect();
    blocker.wait_started();
    // One runs, one has the place, three wait. The last one is rejected.
    let report = emissions[5].wait();
    assert_eq!((report.delivered(), report.not_called()), (0, 1));
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Rejected);
    assert!(
        report.errors()[0].to_string().contains("bulkhead own"),
        "{}",
        report.errors()[0]
    );
    assert_eq!(soiree.stats().waiting_calls, 3);
    assert_eq!(soiree.stats().get("own").unwrap().requeued, 3);
    assert_eq!(soiree.stats().get("default").unwrap().active, 0);
    for _ in 0..5 {
        blocker.release();
    }
    for emission in &emissions[..5] {
        let report = emission.wait();
        assert!(report.is_ok(), "{report:?}");
    }
    assert_eq!(soiree.stats().waiting_calls, 0);
    soiree.close().unwrap();
}

/// L10: by default a call is rejected at once.
#[test]
fn calls_that_may_not_wait_are_rejected() {
    let soiree = with_own();
    let blocker = Blocker::on(&soiree, "a", own());
    let emissions: Vec<_> = (0..3).map(|_| soiree.emit("a", ()).unwrap()).collect();
    assert_eq!(emissions[2].wait().not_called(), 1);
    assert_eq!(soiree.stats().waiting_calls, 0);
    blocker.release();
    blocker.release();
    soiree.close().unwrap();
}

/// L10, E4: calls that wait end with their pool, and are counted no longer.
#[test]
fn a_drained_bulkhead_calls_what_waits_for_it() {
    let soiree = with_own();
    let blocker = Blocker::on(&soiree, "a", own().when_full(WhenPoolFull::Wait));
    let emissions: Vec<_> = (0..5).map(|_| soiree.emit("a", ()).unwrap()).collect();
    wait_until("three calls wait", || soiree.stats().waiting_calls == 3);
    for _ in 0..5 {
        blocker.release();
    }
    soiree.drain_bulkhead("own").unwrap();
    assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!(soiree.stats().waiting_calls, 0);
    soiree.close().unwrap();
}
