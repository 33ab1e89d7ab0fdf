//! The listeners after one that times out.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, Pool, Priority};
use soiree_engine::{Emission, Report};
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, ManualTimer};

use super::{LIMIT, block_in_between, check_timed_out, expire, on, record_on};
use crate::support::{Blocker, CallLog, TIME_LIMIT, wait_until, worker_pool};

/// Its report, within the time limit.
fn ended(emission: &Emission) -> Report {
    emission.wait_timeout(TIME_LIMIT).expect("it ends")
}

/// L9, L1: after the timeout, another worker calls the remaining listeners in order, and the report has the timeout.
#[test]
fn remaining_listeners_are_called_in_order_by_another_worker() {
    let (soiree, timer) = on(2);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let report = ended(&expire(&soiree, &timer, &blocker));
    check_timed_out(&report);
    assert_eq!((report.delivered(), report.errors().len()), (4, 1));
    assert_eq!(log.take(), ["first", "second", "third"]);
    wait_until("one worker is active", || soiree.pool_stats().active == 1);
    blocker.release();
    soiree.close().unwrap();
    assert!(log.take().is_empty(), "no listener is called twice");
    assert_eq!(timer.pending(), 0);
}

/// L9, P2: if there is no other worker, they wait for the blocked one.
#[test]
fn remaining_listeners_wait_for_a_worker() {
    let (soiree, timer) = on(1);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = expire(&soiree, &timer, &blocker);
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    assert_eq!(log.take(), ["first"]);
    blocker.release();
    let report = ended(&emission);
    check_timed_out(&report);
    assert_eq!(report.delivered(), 4);
    assert_eq!(log.take(), ["second", "third"]);
    soiree.close().unwrap();
    assert!(log.take().is_empty(), "no listener is called twice");
}

/// L9, E7: if the queue is full, they wait for a place, and nothing polls.
#[test]
fn remaining_listeners_wait_for_room_in_the_queue() {
    let (timer, pool) = (ManualTimer::new(), ManualPool::with_capacity(1));
    let builder = EventPool::builder().pool(pool.clone()).timer(timer.clone());
    let soiree = builder.build().unwrap();
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    thread::scope(|scope| {
        let emission = soiree.emit("a.b", ()).unwrap();
        scope.spawn(|| assert!(pool.run_next()));
        blocker.wait_started();
        let other = soiree.emit("other", ()).unwrap();
        timer.advance(LIMIT);
        assert_eq!((pool.pending(), pool.stats().requeued), (1, 1));
        assert_eq!(timer.pending(), 0);
        assert!(pool.run_next());
        assert!(other.is_finished() && !emission.is_finished());
        assert_eq!((pool.run_all(), timer.pending()), (1, 0));
        check_timed_out(&ended(&emission));
        assert_eq!(log.take(), ["first", "second", "third"]);
        blocker.release();
    });
    assert_eq!(pool.run_all(), 0);
    soiree.close().unwrap();
}

/// L9, L3: the remaining listeners are those that were subscribed when the emission started.
#[test]
fn listeners_added_while_one_times_out_are_not_called() {
    let (soiree, timer) = on(2);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    record_on(&soiree, &log, "late", Priority::Lowest);
    timer.advance(LIMIT);
    assert_eq!(ended(&emission).delivered(), 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
    blocker.release();
    soiree.close().unwrap();
}

/// L9, E6: a pool that stops does not call the remaining listeners, and the report counts them.
#[test]
fn remaining_listeners_of_a_pool_that_stops_are_not_called() {
    for before in [true, false] {
        let timer = ManualTimer::new();
        let pool = Arc::new(WorkerPool::new(1, 16).unwrap());
        let builder = EventPool::builder().pool(Arc::clone(&pool));
        let soiree = builder.timer(timer.clone()).build().unwrap();
        let log = CallLog::default();
        let blocker = block_in_between(&soiree, &log);
        let emission = soiree.emit("a.b", ()).unwrap();
        blocker.wait_started();
        if before {
            pool.stop();
        }
        timer.advance(LIMIT);
        pool.stop();
        let report = ended(&emission);
        assert_eq!((report.delivered(), report.not_called()), (2, 2));
        let failures: Vec<_> = report.errors().iter().map(|error| error.kind()).collect();
        assert_eq!(
            failures,
            [
                ListenerErrorKind::TimedOut,
                ListenerErrorKind::Discarded,
                ListenerErrorKind::Discarded
            ]
        );
        blocker.release();
        pool.release();
        assert_eq!(log.take(), ["first"]);
    }
}

/// L9, E7: if their bulkhead is removed, the default pool calls them.
#[test]
fn remaining_listeners_outlive_their_bulkhead() {
    let timer = ManualTimer::new();
    let bulk = Arc::new(worker_pool("bulk", 1, 16));
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 16))
        .bulkhead("bulk", Arc::clone(&bulk))
        .route("a.*", "bulk")
        .timer(timer.clone())
        .build()
        .unwrap();
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    soiree.drain_bulkhead("bulk").unwrap();
    bulk.stop();
    timer.advance(LIMIT);
    let report = ended(&emission);
    check_timed_out(&report);
    assert_eq!(report.delivered(), 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
    blocker.release();
    bulk.release();
    soiree.close().unwrap();
}

/// L9, E3: a worker that waits for the emission calls them, if no other worker is free.
#[test]
fn a_wait_on_a_worker_calls_the_remaining_listeners() {
    let (soiree, timer) = on(2);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let (give, given) = channel::<soiree_engine::Emission>();
    let given = Mutex::new(given);
    let (sender, outer_started) = channel();
    let (reports, reported) = channel();
    soiree
        .on("outer", move |_| {
            let emission = given.lock().unwrap().recv().unwrap();
            sender.send(()).unwrap();
            reports.send(emission.wait()).unwrap();
        })
        .unwrap();
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    soiree.emit("outer", ()).unwrap();
    give.send(emission).unwrap();
    outer_started.recv_timeout(TIME_LIMIT).unwrap();
    timer.advance(LIMIT);
    let report = reported.recv_timeout(TIME_LIMIT).unwrap();
    check_timed_out(&report);
    assert_eq!(log.take(), ["first", "second", "third"]);
    blocker.release();
    soiree.close().unwrap();
}

/// L9, E5: the last handle may be dropped before the timeout.
#[test]
fn remaining_listeners_outlive_the_last_handle() {
    let (soiree, timer) = on(1);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    drop(soiree);
    timer.advance(LIMIT);
    assert!(!emission.is_finished());
    blocker.release();
    let report = ended(&emission);
    check_timed_out(&report);
    assert_eq!(report.delivered(), 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
}

/// L9, E5: also if the listener returns while the error handler is notified of its timeout, so that its worker leaves them to another.
#[test]
fn remaining_listeners_outlive_the_last_handle_and_a_return_during_the_notification() {
    let timer = ManualTimer::new();
    let pool = Arc::new(WorkerPool::new(1, 16).unwrap());
    let held = Arc::downgrade(&pool);
    let release = Arc::new(Mutex::new(None::<Blocker>));
    let releases = Arc::clone(&release);
    let soiree = EventPool::builder()
        .pool(pool)
        .timer(timer.clone())
        .error_handler(move |_, error| {
            let blocker = releases.lock().unwrap().take();
            drop(blocker.expect("one error only"));
            wait_until("its worker has left", || {
                held.upgrade().is_some_and(|pool| pool.stats().active == 0)
            });
            Some(error)
        })
        .build()
        .unwrap();
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    *release.lock().unwrap() = Some(blocker);
    drop(soiree);
    timer.advance(LIMIT);
    let report = ended(&emission);
    check_timed_out(&report);
    assert_eq!(report.delivered(), 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
}
