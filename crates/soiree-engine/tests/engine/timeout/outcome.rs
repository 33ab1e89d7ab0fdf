//! What a timeout changes, and what it does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, ListenerOptions, Pool, PoolHandle, Priority};
use soiree_engine::{CloseError, EmitError};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use super::{LIMIT, block_in_between, check_timed_out, expire, limited, on, record_on};
use crate::support::{Blocker, CallLog, TIME_LIMIT, on_one_worker, wait_until, worker_pool};

/// L9: it ends like any other, and no task is left in the timer.
#[test]
fn a_listener_that_returns_in_time_leaves_nothing_behind() {
    let (soiree, timer) = on(1);
    soiree.on_with("a.b", limited(), |_| {}).unwrap();
    soiree
        .on_with("a.b", limited(), |_| -> () { panic!("oops") })
        .unwrap();
    crate::support::emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered(), report.failed()), (2, 1));
        assert_eq!(report.timed_out(), 0);
        assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Panicked);
        assert_eq!(timer.pending(), 0);
    });
    assert_eq!(timer.advance(2 * LIMIT), 0);
    soiree.close().unwrap();
}

/// L9: the emission needs no other worker if no listener is left to call.
#[test]
fn an_emission_ends_at_the_timeout_even_if_the_only_worker_is_blocked() {
    let (soiree, timer) = on(1);
    let blocker = Blocker::on(&soiree, "a.b", limited());
    let report = expire(&soiree, &timer, &blocker).wait();
    check_timed_out(&report);
    assert_eq!(report.delivered(), 1);
    blocker.release();
    soiree.close().unwrap();
}

/// L9, L1: several listeners may time out one after another.
#[test]
fn each_listener_has_its_own_timeout() {
    let (soiree, timer) = on(3);
    let first = Blocker::on(&soiree, "a.b", limited());
    let second = Blocker::on(&soiree, "a.b", limited().timeout(2 * LIMIT));
    let log = CallLog::default();
    record_on(&soiree, &log, "last", Priority::Low);
    let emission = expire(&soiree, &timer, &first);
    second.wait_started();
    assert_eq!(timer.advance(2 * LIMIT - Duration::from_nanos(1)), 0);
    assert_eq!(timer.advance(Duration::from_nanos(1)), 1);
    let report = emission.wait();
    assert_eq!((report.delivered(), report.timed_out()), (3, 2));
    assert_eq!(log.take(), ["last"]);
    first.release();
    second.release();
    soiree.close().unwrap();
}

/// L9: the calling thread cannot go on before the listener returns. The report has the timeout, and the others are called.
#[test]
fn a_synchronous_emission_reports_the_timeout() {
    let (soiree, timer) = on(1);
    let log = CallLog::default();
    record_on(&soiree, &log, "after", Priority::Low);
    let time = timer.clone();
    soiree
        .on_with("a.b", limited(), move |_| {
            time.advance(LIMIT);
        })
        .unwrap();
    let report = soiree.emit_sync("a.b", ()).unwrap();
    check_timed_out(&report);
    assert_eq!((report.delivered(), log.take().len()), (2, 1));
    soiree.close().unwrap();
}

/// L9, L4, E1: an error or panic after the timeout changes nothing in the report.
#[test]
fn late_failures_reach_the_handlers_and_not_the_report() {
    for panics in [false, true] {
        let (timer, log) = (ManualTimer::new(), CallLog::default());
        let (errors, panicked) = (log.clone(), log.clone());
        let soiree = EventPool::builder()
            .pool(WorkerPool::new(1, 16).unwrap())
            .timer(timer.clone())
            .error_handler(move |_, error| {
                errors.record(format!("{:?}", error.kind()));
                Some(error)
            })
            .panic_handler(move |panic| panicked.record(panic.message))
            .build()
            .unwrap();
        let (block, blocker) = Blocker::new();
        soiree
            .on_with("a.b", limited(), move |_| {
                block();
                assert!(!panics, "too late");
                Err::<(), _>("too late")
            })
            .unwrap();
        let emission = expire(&soiree, &timer, &blocker);
        check_timed_out(&emission.wait());
        assert_eq!(log.take(), ["TimedOut"]);
        blocker.release();
        soiree.close().unwrap();
        let late: &[_] = if panics {
            &["too late", "Panicked"]
        } else {
            &["Failed"]
        };
        assert_eq!(log.take(), late);
        check_timed_out(&emission.wait());
    }
}

/// L9, L2: before or after the timeout, an abort skips the listeners that were not called.
#[test]
fn an_abort_by_a_listener_that_times_out_is_respected() {
    for in_time in [false, true] {
        let (soiree, timer) = on(1);
        let log = CallLog::default();
        record_on(&soiree, &log, "after", Priority::Low);
        let (block, blocker) = Blocker::new();
        soiree
            .on_with("a.b", limited(), move |event| {
                if in_time {
                    event.set_aborted(true);
                }
                block();
                event.set_aborted(true);
            })
            .unwrap();
        let emission = expire(&soiree, &timer, &blocker);
        assert_eq!(emission.is_finished(), in_time, "the worker is blocked");
        blocker.release();
        let report = emission.wait();
        assert_eq!((report.delivered(), report.is_aborted()), (1, true));
        check_timed_out(&report);
        soiree.close().unwrap();
        assert!(log.take().is_empty());
    }
}

/// L9, L5: a run that times out counts as a run.
#[test]
fn a_listener_is_removed_after_a_last_run_that_times_out() {
    let (soiree, timer) = on(2);
    let blocker = Blocker::on(&soiree, "a.b", limited().once());
    let emission = expire(&soiree, &timer, &blocker);
    check_timed_out(&emission.wait());
    assert!(soiree.is_empty());
    assert_eq!(soiree.emit("a.b", ()).unwrap().wait().delivered(), 0);
    blocker.release();
    soiree.close().unwrap();
}

/// L9, E4: a close does not wait for an emission that has ended, but it waits for a blocked worker of an owned pool.
#[test]
fn a_close_waits_for_the_worker_and_not_for_the_emission() {
    for shared in [false, true] {
        let timer = ManualTimer::new();
        let pool = Arc::new(WorkerPool::new(2, 16).unwrap());
        let builder = EventPool::builder().timer(timer.clone());
        let builder = if shared {
            builder.pool(Arc::clone(&pool))
        } else {
            builder.pool(WorkerPool::new(2, 16).unwrap())
        };
        let soiree = builder.build().unwrap();
        let log = CallLog::default();
        let blocker = block_in_between(&soiree, &log);
        expire(&soiree, &timer, &blocker).wait();
        wait_until("one worker is active", || soiree.pool_stats().active == 1);
        let closed = soiree.close_with_deadline(Instant::now());
        if shared {
            closed.unwrap();
            assert_eq!(pool.stats().active, 1);
            blocker.release();
            pool.release();
        } else {
            let Err(CloseError::DrainTimeout {
                emissions: 0,
                pool: Some(left),
                ..
            }) = closed
            else {
                panic!("{closed:?}");
            };
            assert_eq!((left.active, left.discarded), (1, 0));
            blocker.release();
        }
    }
}

/// L9, P3: if the timeout passes just as the listener returns, the listeners after it are called once.
#[test]
fn timeouts_that_race_with_returns_lose_no_call() {
    const EVENTS: usize = 400;
    let soiree = EventPool::with_pool(WorkerPool::new(2, 4).unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let soon = ListenerOptions::new().timeout(Duration::from_micros(20));
    for _ in 0..2 {
        let count = Arc::clone(&calls);
        soiree
            .on_with("a.b", soon.clone(), |_| {
                let started = Instant::now();
                while started.elapsed() < Duration::from_micros(20) {
                    thread::yield_now();
                }
            })
            .unwrap();
        soiree
            .on("a.b", move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EVENTS / 4 {
                    let report = soiree.emit("a.b", ()).unwrap().wait();
                    assert_eq!((report.delivered(), report.not_called()), (4, 0));
                    assert_eq!(report.failed(), report.timed_out());
                }
            });
        }
    });
    soiree
        .close_with_deadline(Instant::now() + TIME_LIMIT)
        .unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2 * EVENTS);
}

/// L9
#[test]
fn listeners_without_a_timeout_are_not_timed() {
    let soiree = on_one_worker(4);
    soiree.on("a.b", |_| {}).unwrap();
    crate::support::emit_both_ways(&soiree, "a.b", |report| assert_eq!(report.timed_out(), 0));
    wait_until("the worker is free", || soiree.pool_stats().active == 0);
    soiree.close().unwrap();
}

/// L9, L6: it has its timeout like any other, and no listener waits for it.
#[test]
fn a_listener_on_its_own_pool_times_out_there() {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 16))
        .bulkhead("http", worker_pool("http", 1, 16))
        .timer(timer.clone())
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "a.b", limited().pool("http"));
    let emission = expire(&soiree, &timer, &blocker);
    check_timed_out(&emission.wait());
    blocker.release();
    thread::scope(|scope| {
        let report = scope.spawn(|| soiree.emit_sync("a.b", ()).unwrap());
        blocker.wait_started();
        timer.advance(LIMIT);
        check_timed_out(&report.join().unwrap());
    });
    blocker.release();
    soiree.close().unwrap();
}

/// L9: a handler that is notified of a timeout waits for nothing that may need the timer, nor for room in a pool with
/// `blocking_workers`.
#[test]
fn a_handler_on_the_timer_thread_never_waits() {
    let timer = ManualTimer::new();
    let waiting: Arc<Mutex<Option<soiree_engine::Emission>>> = Arc::default();
    let soiree: Arc<Mutex<Option<soiree::WeakEventPool>>> = Arc::default();
    let (other, weak) = (Arc::clone(&waiting), Arc::clone(&soiree));
    let (sender, receiver) = channel();
    let events = EventPool::builder()
        .pool(PoolHandle::from(WorkerPool::new(1, 1).unwrap()).blocking_workers())
        .timer(timer.clone())
        .error_handler(move |_, error| {
            let soiree = weak.lock().unwrap().as_ref().unwrap().upgrade().unwrap();
            let rejected = soiree.emit("more", ()).unwrap_err();
            assert!(matches!(rejected, EmitError::Rejected { .. }));
            let report = other.lock().unwrap().as_ref().unwrap().wait();
            sender.send(report.is_unfinished()).unwrap();
            Some(error)
        })
        .build()
        .unwrap();
    *soiree.lock().unwrap() = Some(events.downgrade());
    let blocker = Blocker::on(&events, "a.b", limited());
    let emission = events.emit("a.b", ()).unwrap();
    blocker.wait_started();
    *waiting.lock().unwrap() = Some(events.emit("queued", ()).unwrap());
    // On a thread of its own, so that a handler that waits fails the test.
    let advancing = thread::spawn(move || timer.advance(LIMIT));
    assert_eq!(receiver.recv_timeout(TIME_LIMIT), Ok(true));
    check_timed_out(&emission.wait_timeout(TIME_LIMIT).expect("it ends"));
    advancing.join().unwrap();
    blocker.release();
    events.close().unwrap();
}
