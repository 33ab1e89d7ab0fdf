//! Aborts across pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree_core::{BaseEvent, Event, Priority};

use super::{on_http, with_http};
use crate::support::{Blocker, emit_both_ways, wait_until};

/// L2: an abort reaches listeners on other pools, in both directions, also if they get a copy of the event.
#[test]
fn an_abort_stops_listeners_on_other_pools() {
    let soiree = with_http(1, 4);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_with("first", on_http().priority(Priority::High), |event| {
            event.set_aborted(true)
        })
        .unwrap();
    // Waits for the abort, to fix the order.
    soiree
        .on("first", |event| {
            wait_until("the event is aborted", || {
                event.is_aborted() || event.payload().is::<u8>()
            })
        })
        .unwrap();
    soiree
        .on_with("first", Priority::Low, move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    let report = soiree.emit("first", ()).unwrap().wait();
    assert!(report.is_aborted());
    assert_eq!(ran.load(Ordering::SeqCst), 0);

    let blocker = Blocker::on(&soiree, "block", on_http());
    soiree.emit("block", ()).unwrap();
    blocker.wait_started();
    let count = Arc::clone(&ran);
    soiree
        .on_with("second", on_http().priority(Priority::High), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree
        .on("second", |event| event.set_aborted(true))
        .unwrap();
    soiree.on_with("second", Priority::Low, |_| {}).unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("second", ()).unwrap());
        let emission = soiree.emit("second", ()).unwrap();
        wait_until("both listeners wait", || {
            soiree.stats().get("http").unwrap().waiting == 2
        });
        wait_until("the abort is set", || soiree.pool_stats().active == 0);
        drop(blocker);
        assert!(emission.wait().is_aborted());
        let report = sync.join().unwrap();
        assert!(report.is_aborted());
    });
    soiree.close().unwrap();
}

/// L2: an abort by the last listener skips those that have not started on other pools; an abort on another pool is reported.
#[test]
fn an_abort_on_any_pool_is_reported() {
    let soiree = with_http(1, 4);
    let blocker = Blocker::on(&soiree, "block", on_http());
    soiree.emit("block", ()).unwrap();
    blocker.wait_started();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_with("last", on_http().priority(Priority::High), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree.on("last", |event| event.set_aborted(true)).unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("last", ()).unwrap());
        wait_until("its listener waits", || {
            soiree.stats().get("http").unwrap().waiting == 1
        });
        let emission = soiree.emit("last", ()).unwrap();
        soiree.emit("other", ()).unwrap().wait();
        drop(blocker);
        assert!(sync.join().unwrap().is_aborted() && emission.wait().is_aborted());
    });
    soiree
        .on_with("part", on_http(), |event| event.set_aborted(true))
        .unwrap();
    emit_both_ways(&soiree, "part", |report| {
        assert!(report.is_aborted() && !report.is_ok())
    });
    let event = BaseEvent::new("part", ());
    soiree.emit_event_sync(&event).unwrap();
    assert!(event.is_aborted());
    soiree.close().unwrap();
}
