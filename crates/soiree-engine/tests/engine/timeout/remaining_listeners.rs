//! The listeners after one that times out.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, Pool, Priority};
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, ManualTimer};

use super::{LIMIT, block_in_between, check_timed_out, expire, on, record_on};
use crate::support::{CallLog, PATIENCE, wait_until, worker_pool};

/// L9, L1: when its time has run out, those after it are called in order by another worker, and the report says who it was.
#[test]
fn listeners_after_one_that_times_out_are_called_in_order_elsewhere() {
    let (soiree, timer) = on(2);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let report = expire(&soiree, &timer, &blocker).wait();
    check_timed_out(&report);
    assert_eq!((report.delivered, report.errors.len()), (4, 1));
    assert_eq!(log.take(), ["first", "second", "third"]);
    wait_until("only its worker is held", || {
        soiree.pool_stats().active == 1
    });
    blocker.release();
    soiree.close().unwrap();
    assert!(log.take().is_empty(), "nobody is called twice");
    assert_eq!(timer.pending(), 0);
}

/// L9, P2: with no other worker, those after it wait for this one.
#[test]
fn listeners_after_one_that_times_out_wait_for_a_worker() {
    let (soiree, timer) = on(1);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = expire(&soiree, &timer, &blocker);
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    assert_eq!(log.take(), ["first"]);
    blocker.release();
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 4);
    assert_eq!(log.take(), ["second", "third"]);
    soiree.close().unwrap();
    assert!(log.take().is_empty(), "nobody is called twice");
}

/// L9, P2: a queue that is full is tried again.
#[test]
fn listeners_after_one_that_times_out_wait_for_a_place_in_the_queue() {
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
        assert_eq!((pool.pending(), timer.pending()), (1, 1));
        assert_eq!(pool.run_all(), 1);
        assert!(other.is_finished() && !emission.is_finished());
        assert!(timer.advance_to_next());
        assert_eq!((pool.run_all(), timer.pending()), (1, 0));
        check_timed_out(&emission.wait());
        assert_eq!(log.take(), ["first", "second", "third"]);
        blocker.release();
    });
    assert_eq!(pool.run_all(), 0);
    soiree.close().unwrap();
}

/// L9, L3: the listeners after it are those of the moment when the emission began.
#[test]
fn listeners_that_come_while_one_times_out_are_not_called() {
    let (soiree, timer) = on(2);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    record_on(&soiree, &log, "late", Priority::Lowest);
    timer.advance(LIMIT);
    assert_eq!(emission.wait().delivered, 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
    blocker.release();
    soiree.close().unwrap();
}

/// L9, E6: a pool that stops does not call the listeners that wait for a worker; the report says which.
#[test]
fn listeners_that_wait_for_a_pool_that_stops_are_not_called() {
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
        let report = emission.wait();
        assert_eq!((report.delivered, report.not_called), (2, 2));
        let failures: Vec<_> = report.errors.iter().map(|error| error.kind()).collect();
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

/// L9: those that waited for a bulkhead that has gone are called where they would be called without it.
#[test]
fn listeners_after_one_that_times_out_outlive_its_bulkhead() {
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
    bulk.stop();
    timer.advance(LIMIT);
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
    blocker.release();
    bulk.release();
    soiree.close().unwrap();
}

/// L9, E3: whoever waits on a worker of the pool calls those that no other worker is free for.
#[test]
fn a_wait_on_a_worker_calls_the_listeners_after_one_that_times_out() {
    let (soiree, timer) = on(2);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let (hand, given) = channel::<soiree_engine::Emission>();
    let given = Mutex::new(given);
    let (said, outer_runs) = channel();
    let (tell, told) = channel();
    soiree
        .on("outer", move |_| {
            let emission = given.lock().unwrap().recv().unwrap();
            said.send(()).unwrap();
            tell.send(emission.wait()).unwrap();
        })
        .unwrap();
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    soiree.emit("outer", ()).unwrap();
    hand.send(emission).unwrap();
    outer_runs.recv_timeout(PATIENCE).unwrap();
    timer.advance(LIMIT);
    let report = told.recv_timeout(PATIENCE).unwrap();
    check_timed_out(&report);
    assert_eq!(log.take(), ["first", "second", "third"]);
    blocker.release();
    soiree.close().unwrap();
}

/// L9, E5: the last handle may go meanwhile.
#[test]
fn listeners_after_one_that_times_out_outlive_the_last_handle() {
    let (soiree, timer) = on(1);
    let log = CallLog::default();
    let blocker = block_in_between(&soiree, &log);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    drop(soiree);
    timer.advance(LIMIT);
    assert!(!emission.is_finished());
    blocker.release();
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 4);
    assert_eq!(log.take(), ["first", "second", "third"]);
}
