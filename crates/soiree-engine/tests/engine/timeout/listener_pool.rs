//! Listeners that time out on pools of their own, that are called again, and what becomes of those after them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{DeadLetter, ListenerErrorKind, ListenerOptions, Pool, PoolHandle, Retry};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::listener_pool::{held, pool};
use crate::support::{Diary, PATIENCE, until};
use crate::timeout::{LIMIT, check_timed_out, in_between, limited, on, run_out};

const DELAY: Duration = Duration::from_secs(1);

/// L9, L6: on a pool of its own it has its time like any other, and nobody waits for it at all.
#[test]
fn a_listener_with_a_pool_of_its_own_times_out_there() {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(pool("rest", 1, 16))
        .bulkhead("http", pool("http", 1, 16))
        .timer(timer.clone())
        .build()
        .unwrap();
    let (running, go) = held(&soiree, "a.b", limited().pool("http"));
    let emission = run_out(&soiree, &timer, &running);
    check_timed_out(&emission.wait());
    go.send(()).unwrap();
    thread::scope(|scope| {
        let report = scope.spawn(|| soiree.emit_sync("a.b", ()).unwrap());
        running.recv_timeout(PATIENCE).unwrap();
        timer.advance(LIMIT);
        check_timed_out(&report.join().unwrap());
    });
    go.send(()).unwrap();
    soiree.close().unwrap();
}

/// A listener whose first attempt says that it runs, and then runs until it is let go; the others just return.
fn held_once(
    soiree: &EventPool,
    options: ListenerOptions,
) -> (Arc<AtomicUsize>, Receiver<()>, Sender<()>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let (said, running) = channel();
    let (go, told) = channel();
    let told = Mutex::new(told);
    soiree
        .on_with("a.b", options, move |event| {
            count.fetch_add(1, Ordering::SeqCst);
            if event.attempt() == 1 {
                said.send(()).unwrap();
                let _: Result<(), _> = told.lock().unwrap().recv();
            }
        })
        .unwrap();
    (calls, running, go)
}

/// L9, L7: an attempt that times out has failed. The next one is due in its time, and waits for the one before to return.
#[test]
fn attempts_of_one_event_never_overlap() {
    let (soiree, timer) = on(2);
    let options = limited().retry(Retry::fixed(DELAY, 2));
    let (calls, running, go) = held_once(&soiree, options);
    let emission = run_out(&soiree, &timer, &running);
    assert_eq!((timer.advance(DELAY), timer.pending()), (1, 1));
    assert!(!emission.is_finished());
    until("only its worker is held", || {
        soiree.pool_stats().active == 1
    });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    go.send(()).unwrap();
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.delivered, report.failed), (1, 0));
    assert_eq!((report.retried, report.timed_out), (1, 0));
    assert_eq!((calls.load(Ordering::SeqCst), timer.pending()), (2, 0));
    soiree.close().unwrap();
}

/// L9, L7: one that has returned by then is not waited for.
#[test]
fn an_attempt_that_timed_out_and_has_returned_holds_up_no_other() {
    let (soiree, timer) = on(1);
    let options = limited().retry(Retry::fixed(DELAY, 2));
    let (calls, running, go) = held_once(&soiree, options);
    let emission = run_out(&soiree, &timer, &running);
    go.send(()).unwrap();
    until("the worker is free", || soiree.pool_stats().active == 0);
    assert_eq!(timer.advance(DELAY), 1);
    assert_eq!((emission.wait().retried, timer.pending()), (1, 0));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

/// L9, L7: a listener that hangs holds one worker, has timed out as often as it may, and then the event is a dead letter.
#[test]
fn a_listener_that_never_returns_uses_up_its_attempts() {
    let letters: Arc<Mutex<Vec<DeadLetter>>> = Arc::default();
    let (timer, kept) = (ManualTimer::new(), Arc::clone(&letters));
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 16).unwrap())
        .timer(timer.clone())
        .dead_letter_handler(move |letter| kept.lock().unwrap().push(letter.clone()))
        .build()
        .unwrap();
    let options = limited().retry(Retry::fixed(DELAY, 3));
    let (calls, running, go) = held_once(&soiree, options);
    let emission = run_out(&soiree, &timer, &running);
    timer.advance(2 * (DELAY + LIMIT) - Duration::from_nanos(1));
    assert!(!emission.is_finished());
    timer.advance(Duration::from_nanos(1));
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!((report.delivered, report.retried), (1, 2));
    let letters = letters.lock().unwrap();
    assert_eq!((letters.len(), letters[0].attempts), (1, 3));
    assert_eq!(letters[0].error.kind(), ListenerErrorKind::TimedOut);
    assert_eq!((calls.load(Ordering::SeqCst), timer.pending()), (1, 0));
    go.send(()).unwrap();
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
        let diary = Diary::default();
        let (running, go) = in_between(&soiree, &diary);
        let emission = soiree.emit("a.b", ()).unwrap();
        running.recv_timeout(PATIENCE).unwrap();
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
        go.send(()).unwrap();
        pool.release();
        assert_eq!(diary.take(), ["first"]);
    }
}

/// L9: those that waited for a bulkhead that has gone are called where they would be called without it.
#[test]
fn listeners_after_one_that_times_out_outlive_its_bulkhead() {
    let timer = ManualTimer::new();
    let bulk = Arc::new(pool("bulk", 1, 16));
    let soiree = EventPool::builder()
        .pool(pool("rest", 1, 16))
        .bulkhead("bulk", Arc::clone(&bulk))
        .route("a.*", "bulk")
        .timer(timer.clone())
        .build()
        .unwrap();
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
    let emission = soiree.emit("a.b", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    bulk.stop();
    timer.advance(LIMIT);
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 4);
    assert_eq!(diary.take(), ["first", "second", "third"]);
    go.send(()).unwrap();
    bulk.release();
    soiree.close().unwrap();
}

/// L9, E3: whoever waits on a worker of the pool calls those that no other worker is free for.
#[test]
fn a_wait_on_a_worker_calls_the_listeners_after_one_that_times_out() {
    let (soiree, timer) = on(2);
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
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
    running.recv_timeout(PATIENCE).unwrap();
    soiree.emit("outer", ()).unwrap();
    hand.send(emission).unwrap();
    outer_runs.recv_timeout(PATIENCE).unwrap();
    timer.advance(LIMIT);
    let report = told.recv_timeout(PATIENCE).unwrap();
    check_timed_out(&report);
    assert_eq!(diary.take(), ["first", "second", "third"]);
    go.send(()).unwrap();
    soiree.close().unwrap();
}

/// L9, E5: the last handle may go meanwhile.
#[test]
fn listeners_after_one_that_times_out_outlive_the_last_handle() {
    let (soiree, timer) = on(1);
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
    let emission = soiree.emit("a.b", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    drop(soiree);
    timer.advance(LIMIT);
    assert!(!emission.is_finished());
    go.send(()).unwrap();
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 4);
    assert_eq!(diary.take(), ["first", "second", "third"]);
}

/// L9: a handler that is told of a timeout waits for nothing that may wait for the timer itself, also not for a place in a pool that
/// holds up the workers of others.
#[test]
fn a_handler_on_the_timers_thread_never_waits() {
    let timer = ManualTimer::new();
    let waiting: Arc<Mutex<Option<soiree_engine::Emission>>> = Arc::default();
    let soiree: Arc<Mutex<Option<soiree::WeakEventPool>>> = Arc::default();
    let (other, weak) = (Arc::clone(&waiting), Arc::clone(&soiree));
    let (said, heard) = channel();
    let events = EventPool::builder()
        .pool(PoolHandle::from(WorkerPool::new(1, 1).unwrap()).blocking_workers())
        .timer(timer.clone())
        .error_handler(move |_, error| {
            let soiree = weak.lock().unwrap().as_ref().unwrap().upgrade().unwrap();
            let refused = soiree.emit("more", ()).unwrap_err();
            assert!(matches!(refused, EmitError::Rejected { .. }));
            let report = other.lock().unwrap().as_ref().unwrap().wait();
            said.send(report.unfinished).unwrap();
            Some(error)
        })
        .build()
        .unwrap();
    *soiree.lock().unwrap() = Some(events.downgrade());
    let (running, go) = held(&events, "a.b", limited());
    let emission = events.emit("a.b", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    *waiting.lock().unwrap() = Some(events.emit("queued", ()).unwrap());
    timer.advance(LIMIT);
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(true));
    check_timed_out(&emission.wait());
    go.send(()).unwrap();
    events.close().unwrap();
}
