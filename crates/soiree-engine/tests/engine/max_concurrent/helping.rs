//! Threads that wait for emissions whose calls wait for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree_core::{ListenerErrorKind, NotCalled};

use super::{assert_at_rest, limit, wait, wait_for_waiting, with_workers};
use crate::support::{Blocker, TIME_LIMIT};

/// W5, L3: `emit_sync` inside a call of the same listener would wait for itself. The listener is not called, and the report says so.
#[test]
fn emit_sync_inside_the_same_listener_is_reported() {
    let soiree = with_workers(2);
    for (calls, rejected) in [(1, 1), (2, 0)] {
        let weak = soiree.downgrade();
        let id = soiree
            .on_with("a", limit(calls), move |event| {
                if event.payload().is::<u8>() {
                    return;
                }
                let soiree = weak.upgrade().unwrap();
                let report = soiree.emit_sync("a", 1_u8).unwrap();
                assert_eq!(
                    (report.not_called(), report.delivered()),
                    (rejected, 1 - rejected)
                );
                if let Some(error) = report.errors().first() {
                    assert_eq!(error.kind(), ListenerErrorKind::Rejected);
                    let why = std::error::Error::source(error).unwrap().downcast_ref();
                    assert_eq!(why, Some(&NotCalled::InsideItself));
                }
            })
            .unwrap();
        let report = wait(&soiree.emit("a", ()).unwrap());
        assert!(report.is_ok(), "{report:?}");
        let report = soiree.emit_sync("a", ()).unwrap();
        assert!(report.is_ok(), "{report:?}");
        soiree.off("a", &id).unwrap();
    }
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, L3: a wait inside a call for an emission whose call waits for it returns at once. The call is made later.
#[test]
fn a_wait_inside_the_same_listener_returns_at_once() {
    for workers in [1, 3] {
        let soiree = with_workers(workers);
        let (weak, calls) = (soiree.downgrade(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&calls);
        soiree
            .on_with("a", limit(1), move |event| {
                count.fetch_add(1, Ordering::SeqCst);
                if event.payload().is::<u8>() {
                    return;
                }
                let inner = weak.upgrade().unwrap().emit("a", 1_u8).unwrap();
                let report = inner.wait_timeout(TIME_LIMIT).expect("it returns at once");
                assert!(report.is_unfinished(), "{report:?}");
                assert!(inner.errors().next().is_none());
            })
            .unwrap();
        let report = wait(&soiree.emit("a", ()).unwrap());
        assert!(report.is_ok(), "{report:?}");
        assert_at_rest(&soiree);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        soiree.close().unwrap();
    }
}

/// W5, E3: the only worker waits for an emission whose call waits behind another one that has its turn on that worker. It runs both.
#[test]
fn a_worker_runs_the_calls_before_the_one_that_it_waits_for() {
    let soiree = with_workers(1);
    let blocker = Blocker::on(&soiree, "turn", limit(1));
    let (weak, waiting) = (soiree.downgrade(), Blocker::new());
    let (block, outer) = waiting;
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            let emission = soiree.emit("turn", ()).unwrap();
            block();
            let report = emission.wait_timeout(TIME_LIMIT).expect("it ends");
            assert!(report.is_ok(), "{report:?}");
        })
        .unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("turn", ()).unwrap());
        blocker.wait_started();
        let before = soiree.emit("turn", ()).unwrap();
        wait_for_waiting(&soiree, 1);
        let emission = soiree.emit("outer", ()).unwrap();
        outer.wait_started();
        outer.release();
        // The worker waits in the outer listener, and has run the emission that it waits for up to its call.
        wait_for_waiting(&soiree, 2);
        blocker.release();
        for _ in 0..2 {
            blocker.wait_started();
            blocker.release();
        }
        assert!(wait(&emission).is_ok() && wait(&before).is_ok());
        assert!(sync.join().unwrap().is_ok());
    });
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, E3: the call that has its turn waits in the queue of the listener's own pool, whose only worker waits for the next call.
#[test]
fn a_worker_runs_a_call_that_waits_for_it_in_its_own_pool() {
    let soiree = soiree::EventPool::builder()
        .pool(crate::support::worker_pool("default", 1, 16))
        .bulkhead("own", crate::support::worker_pool("own", 1, 16))
        .build()
        .unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    soiree
        .on_with("turn", limit(1).pool("own"), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_with(
            "outer",
            soiree::ListenerOptions::new().pool("own"),
            move |_| {
                let soiree = weak.upgrade().unwrap();
                // Its call has the turn, and waits for this worker.
                let first = soiree.emit("turn", ()).unwrap();
                let second = soiree.emit("turn", ()).unwrap();
                wait_for_waiting(&soiree, 1);
                assert!(wait(&second).is_ok());
                assert!(wait(&first).is_ok());
            },
        )
        .unwrap();
    assert!(wait(&soiree.emit("outer", ()).unwrap()).is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}
