//! Aborts across pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree_core::{BaseEvent, Event, Priority};

use super::{on_http, with_http};
use crate::support::{Blocker, emit_both_ways, wait_until};

/// L2: an abort reaches across pools, both ways, also where the event is a copy.
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
    // Waits for the abort, so that the order is certain.
    soiree
        .on("first", |event| {
            wait_until("it is aborted", || {
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
    assert!(report.aborted);
    assert_eq!(ran.load(Ordering::SeqCst), 0);

    let blocker = Blocker::on(&soiree, "hold", on_http());
    soiree.emit("hold", ()).unwrap();
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
        wait_until("both wait", || {
            soiree.stats().get("http").unwrap().waiting == 2
        });
        wait_until("it has been aborted", || soiree.pool_stats().active == 0);
        drop(blocker);
        assert!(emission.wait().aborted);
        let report = sync.join().unwrap();
        assert!(report.aborted);
    });
    soiree.close().unwrap();
}

/// L2: an abort by the last listener reaches those that have not started, and one by a listener elsewhere the report.
#[test]
fn an_abort_is_told_wherever_it_comes_from() {
    let soiree = with_http(1, 4);
    let blocker = Blocker::on(&soiree, "hold", on_http());
    soiree.emit("hold", ()).unwrap();
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
        wait_until("its part waits", || {
            soiree.stats().get("http").unwrap().waiting == 1
        });
        let emission = soiree.emit("last", ()).unwrap();
        soiree.emit("other", ()).unwrap().wait();
        drop(blocker);
        assert!(sync.join().unwrap().aborted && emission.wait().aborted);
    });
    soiree
        .on_with("part", on_http(), |event| event.set_aborted(true))
        .unwrap();
    emit_both_ways(&soiree, "part", |report| {
        assert!(report.aborted && !report.is_ok())
    });
    let event = BaseEvent::new("part", ());
    soiree.emit_event_sync(&event).unwrap();
    assert!(event.is_aborted());
    soiree.close().unwrap();
}
