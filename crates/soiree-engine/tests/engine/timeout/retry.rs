//! Timeouts of listeners with retries.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    DeadLetter, ListenerErrorKind, ListenerOptions, Retry, Timer, TimerError, TimerId,
};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use super::{LIMIT, check_timed_out, expire, limited, on};
use crate::support::{Blocker, wait_until};

const DELAY: Duration = Duration::from_secs(1);

/// A listener whose first attempt blocks; the others just return.
fn block_first_attempt(
    soiree: &EventPool,
    options: ListenerOptions,
) -> (Arc<AtomicUsize>, Blocker) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let (block, blocker) = Blocker::new();
    soiree
        .on_with("a.b", options, move |event| {
            count.fetch_add(1, Ordering::SeqCst);
            if event.attempt() == 1 {
                block();
            }
        })
        .unwrap();
    (calls, blocker)
}

/// L9, L7: an attempt that times out has failed. The next one is due after the delay, but waits for the first to return.
#[test]
fn attempts_of_one_event_never_overlap() {
    let (soiree, timer) = on(2);
    let options = limited().retry(Retry::fixed(DELAY, 2));
    let (calls, blocker) = block_first_attempt(&soiree, options);
    let emission = expire(&soiree, &timer, &blocker);
    assert_eq!((timer.advance(DELAY), timer.pending()), (1, 1));
    assert!(!emission.is_finished());
    wait_until("one worker is active", || soiree.pool_stats().active == 1);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    blocker.release();
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.delivered(), report.failed()), (1, 0));
    assert_eq!((report.retried(), report.timed_out()), (1, 0));
    assert_eq!((calls.load(Ordering::SeqCst), timer.pending()), (2, 0));
    soiree.close().unwrap();
}

/// L9, L7: an attempt that has returned before the next one is due does not delay it.
#[test]
fn an_attempt_that_timed_out_and_has_returned_delays_no_other() {
    let (soiree, timer) = on(1);
    let options = limited().retry(Retry::fixed(DELAY, 2));
    let (calls, blocker) = block_first_attempt(&soiree, options);
    let emission = expire(&soiree, &timer, &blocker);
    blocker.release();
    wait_until("the worker is free", || soiree.pool_stats().active == 0);
    assert_eq!(timer.advance(DELAY), 1);
    assert_eq!((emission.wait().retried(), timer.pending()), (1, 0));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

/// A timer that cancels nothing, as if every task had just started.
struct TooLate(ManualTimer);

impl Timer for TooLate {
    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        self.0.at(due, task)
    }

    fn cancel(&self, _: TimerId) -> bool {
        false
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}

/// L9, L7: an attempt is not skipped if the one before returns at the moment at which it would be, though it has still to wait for a worker.
#[test]
fn an_attempt_whose_turn_has_come_is_not_skipped() {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 16).unwrap())
        .timer(TooLate(timer.clone()))
        .build()
        .unwrap();
    let options = limited().retry(Retry::fixed(DELAY, 2));
    let (calls, blocker) = block_first_attempt(&soiree, options);
    let emission = expire(&soiree, &timer, &blocker);
    let other = Blocker::on(&soiree, "other", ListenerOptions::new());
    soiree.emit("other", ()).unwrap();
    timer.advance(DELAY);
    blocker.release();
    other.wait_started();
    assert_eq!(timer.advance(LIMIT), 1, "it would be skipped");
    assert!(!emission.is_finished());
    other.release();
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.delivered(), report.retried()), (1, 1));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

/// L9, L7: a listener that never returns blocks one worker. The attempts that are due meanwhile are skipped, and count nowhere; after the
/// last one the event becomes a dead letter.
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
    let (calls, blocker) = block_first_attempt(&soiree, options);
    let emission = expire(&soiree, &timer, &blocker);
    timer.advance(2 * (DELAY + LIMIT) - Duration::from_nanos(1));
    assert!(!emission.is_finished());
    timer.advance(Duration::from_nanos(1));
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!((report.delivered(), report.retried()), (1, 0));
    let letters = letters.lock().unwrap();
    assert_eq!((letters.len(), letters[0].attempts), (1, 1));
    assert_eq!(letters[0].error.kind(), ListenerErrorKind::TimedOut);
    assert_eq!((calls.load(Ordering::SeqCst), timer.pending()), (1, 0));
    blocker.release();
    soiree.close().unwrap();
}
