//! Threads that wait inside listeners.

use std::thread;

use soiree::EventPool;
use soiree_core::{NotCalled, Priority};

use super::{assert_at_rest, ordered, wait, wait_for_waiting};
use crate::support::{Blocker, TIME_LIMIT, on_one_worker, worker_pool};

/// L8, L3: a listener before the ordered one that emits for the same key, and waits, would wait for its own event.
#[test]
fn an_event_before_the_listener_does_not_wait_for_itself() {
    let soiree = EventPool::with_pool(worker_pool("default", 2, 16));
    soiree.on_with("*", ordered(), |_| ()).unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_with("outer", Priority::High, move |_| {
            let soiree = weak.upgrade().unwrap();
            let report = soiree.emit_sync("inner", (1_u32, 2_u32)).unwrap();
            assert_eq!(report.not_called(), 1);
            let why = std::error::Error::source(&report.errors()[0]).unwrap();
            assert_eq!(why.downcast_ref(), Some(&NotCalled::InsideItself));
            let other = soiree.emit_sync("inner", (2_u32, 3_u32)).unwrap();
            assert!(other.is_ok(), "{other:?}");
            let inner = soiree.emit("inner", (1_u32, 4_u32)).unwrap();
            let report = inner.wait_timeout(TIME_LIMIT).expect("it returns at once");
            assert!(report.is_unfinished(), "{report:?}");
        })
        .unwrap();
    let report = wait(&soiree.emit("outer", (1_u32, 1_u32)).unwrap());
    assert!(report.is_ok(), "{report:?}");
    let report = soiree.emit_sync("outer", (1_u32, 1_u32)).unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8, L3: a listener after the ordered one may wait for events of the same key, as its own event is handled.
#[test]
fn an_event_after_the_listener_may_wait_for_the_next_one() {
    let soiree = on_one_worker(16);
    soiree
        .on_with("*", ordered().priority(Priority::High), |_| ())
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            let report = soiree.emit_sync("inner", (1_u32, 2_u32)).unwrap();
            assert_eq!(report.delivered(), 1, "{report:?}");
            let inner = soiree.emit("inner", (1_u32, 3_u32)).unwrap();
            assert!(wait(&inner).is_ok());
        })
        .unwrap();
    let report = wait(&soiree.emit("outer", (1_u32, 1_u32)).unwrap());
    assert!(report.is_ok(), "{report:?}");
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8, E3: the only worker waits for a call behind an event that waits for this worker: in its queue, or for a place in it.
#[test]
fn a_worker_runs_the_events_before_the_call_that_it_waits_for() {
    for capacity in [4, 0] {
        let soiree = on_one_worker(capacity);
        soiree.on_with("*", ordered(), |_| ()).unwrap();
        let (block, blocker) = Blocker::new();
        let weak = soiree.downgrade();
        soiree
            .on_with("outer", Priority::High, move |_| {
                block();
                let soiree = weak.upgrade().unwrap();
                let report = soiree.emit_sync("inner", (1_u32, 2_u32)).unwrap();
                assert_eq!(report.delivered(), 1, "{report:?}");
            })
            .unwrap();
        thread::scope(|scope| {
            let outer = soiree.emit("outer", (2_u32, 0_u32)).unwrap();
            blocker.wait_started();
            let before = scope.spawn(|| soiree.emit("before", (1_u32, 1_u32)).unwrap());
            crate::support::wait_until("the event waits", || {
                let stats = soiree.stats();
                stats.waiting.queue + stats.waiting.blocked == 1
            });
            blocker.release();
            assert!(wait(&outer).is_ok());
            assert!(wait(&before.join().unwrap()).is_ok());
        });
        assert_at_rest(&soiree);
        soiree.close().unwrap();
    }
}

/// L8: orders of patterns and of listeners, of the same events, do not wait for each other in a circle.
#[test]
fn an_order_of_the_pattern_and_one_of_the_listener_agree() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 3, 64))
        .ordered("*", super::by_key().capacity(0))
        .build()
        .unwrap();
    let seen: std::sync::Arc<std::sync::Mutex<Vec<u32>>> = std::sync::Arc::default();
    let log = std::sync::Arc::clone(&seen);
    soiree
        .on_with("*", ordered(), move |event| {
            let number = event.payload_as::<super::Numbered>().unwrap().1;
            log.lock().unwrap().push(number);
        })
        .unwrap();
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let soiree = &soiree;
            scope.spawn(move || {
                for number in 0..100 {
                    let event = (thread % 2, thread * 1_000 + number);
                    drop(soiree.emit("a", event).unwrap());
                }
            });
        }
    });
    assert_at_rest(&soiree);
    let seen = seen.lock().unwrap();
    for thread in 0..4 {
        let of_thread = seen.iter().filter(|number| **number / 1_000 == thread);
        assert!(
            of_thread
                .copied()
                .eq((0..100).map(|number| thread * 1_000 + number))
        );
    }
    soiree.close().unwrap();
}

/// L8, W5: while a call of the key runs, a later one waits as a job of its own, and holds no worker.
#[test]
fn calls_behind_a_running_one_hold_no_worker() {
    let soiree = EventPool::with_pool(worker_pool("default", 2, 16));
    let blocker = Blocker::on(&soiree, "a", ordered());
    let emissions: Vec<_> = (0..4_u32)
        .map(|number| soiree.emit("a", (1_u32, number)).unwrap())
        .collect();
    blocker.wait_started();
    wait_for_waiting(&soiree, 3);
    let other = soiree.emit("other", ()).unwrap();
    assert!(wait(&other).is_ok());
    for _ in 0..4 {
        blocker.release();
    }
    assert!(emissions.iter().all(|emission| wait(emission).is_ok()));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}
