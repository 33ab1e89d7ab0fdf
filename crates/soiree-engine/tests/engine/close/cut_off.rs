//! What a close reports that has missed its deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use soiree::{EventPool, KeyOrder};
use soiree_core::{ListenerErrorKind, ListenerOptions, Retry, Timer, TimerError, TimerId};
use soiree_engine::{CloseError, CutOffCause};
use soiree_testkit::{ManualPool, ManualTimer};

use crate::support::{Blocker, CallLog, TIME_LIMIT, on_one_worker, wait_until, worker_pool};

const HOUR: Duration = Duration::from_secs(3600);

/// Closes with a deadline that has passed. Returns the numbers of the error: all, running, discarded, retries given up, ended.
fn cut_off(soiree: &EventPool) -> ([u64; 5], CloseError) {
    let error = soiree.close_with_deadline(Instant::now()).unwrap_err();
    let CloseError::DrainTimeout {
        emissions,
        running,
        discarded,
        retries_given_up,
        ended,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    let numbers = [emissions, running, discarded, retries_given_up, ended];
    assert_eq!(numbers[1..].iter().sum::<u64>(), emissions);
    (numbers, error)
}

/// E4, L7: a close that misses its deadline gives up retries that wait: their emissions have ended when it returns, with the last error.
#[test]
fn a_missed_deadline_gives_up_retries() {
    for delay in [HOUR, Duration::MAX] {
        let letters = crate::support::CallLog::default();
        let log = letters.clone();
        let soiree = EventPool::builder()
            .pool(worker_pool("default", 1, 16))
            .dead_letter_handler(move |letter| log.record(&*letter.topic))
            .build()
            .unwrap();
        let listener = Arc::new(());
        let held = Arc::downgrade(&listener);
        let options = ListenerOptions::new().retry(Retry::fixed(delay, 2));
        soiree
            .on_with("a.*", options, move |_| {
                let _listener = &listener;
                Err::<(), _>("no")
            })
            .unwrap();
        let emissions: Vec<_> = (0..20)
            .map(|number| soiree.emit(&format!("a.{number}"), ()).unwrap())
            .collect();
        wait_until("all have failed once", || {
            soiree.stats().retries == emissions.len()
        });
        let (numbers, error) = cut_off(&soiree);
        assert_eq!(numbers, [20, 0, 0, 20, 0]);
        for emission in &emissions {
            assert!(emission.is_finished());
            let report = emission.wait();
            assert_eq!(
                (report.delivered(), report.failed(), report.retried()),
                (1, 1, 0)
            );
            assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Failed);
        }
        assert_eq!(letters.take().len(), 20);
        let CloseError::DrainTimeout { described, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(described.len(), 16, "a bounded number of them is described");
        assert!(
            described
                .iter()
                .all(|one| one.cause == CutOffCause::RetryGivenUp)
        );
        assert!(
            error
                .to_string()
                .contains("20 with a retry that was given up"),
            "{error}"
        );
        assert_released(&held);
    }
}

/// The listeners are gone, although the `EventPool` is still there.
fn assert_released(listener: &Weak<()>) {
    wait_until("the listeners are removed", || listener.strong_count() == 0);
}

/// E4, E6, L8: events behind another of their key have ended as discarded when a close with a deadline returns; the running one is
/// counted as running.
#[test]
fn a_missed_deadline_discards_events_behind_a_key() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .ordered("k.*", KeyOrder::by(|_| Some(7)))
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "k.*", ListenerOptions::new());
    let first = soiree.emit("k.first", ()).unwrap();
    blocker.wait_started();
    let behind: Vec<_> = (0..5)
        .map(|_| soiree.emit("k.behind", ()).unwrap())
        .collect();
    let (numbers, error) = cut_off(&soiree);
    assert_eq!(numbers, [6, 1, 5, 0, 0]);
    assert!(behind.iter().all(|emission| emission.wait().is_discarded()));
    assert!(error.to_string().contains("k.behind"), "{error}");
    assert!(!first.is_finished());
    blocker.release();
    assert_eq!(first.wait_timeout(TIME_LIMIT).unwrap().delivered(), 1);
}

/// E4, E6: so have events behind a key of an order that was replaced meanwhile.
#[test]
fn a_missed_deadline_discards_events_of_a_replaced_order() {
    let soiree = on_one_worker(16);
    let order = || KeyOrder::by(|_| Some(7));
    soiree.add_order("k.*", order()).unwrap();
    let blocker = Blocker::emit(&soiree, "k.running", ());
    soiree.on("k.behind", |_| ()).unwrap();
    let behind = soiree.emit("k.behind", ()).unwrap();
    soiree.add_order("k.*", order()).unwrap();
    let (numbers, _) = cut_off(&soiree);
    assert_eq!(numbers, [2, 1, 1, 0, 0]);
    assert!(behind.wait().is_discarded());
    blocker.release();
}

/// E4: what waits behind a retry of its key ends with it.
#[test]
fn a_missed_deadline_ends_events_behind_a_retry() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .ordered("k", KeyOrder::by(|_| Some(7)))
        .build()
        .unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(HOUR, 2));
    soiree
        .on_with("k", options, |_| Err::<(), _>("no"))
        .unwrap();
    let first = soiree.emit("k", ()).unwrap();
    wait_until("it has failed once", || soiree.stats().retries == 1);
    let second = soiree.emit("k", ()).unwrap();
    let (numbers, _) = cut_off(&soiree);
    assert_eq!(numbers[0], 2);
    assert!(first.wait_timeout(TIME_LIMIT).unwrap().failed() == 1);
    assert!(second.wait_timeout(TIME_LIMIT).unwrap().is_discarded());
}

/// E4, L7: after a missed deadline, a listener that fails is not retried any more.
#[test]
fn nothing_is_scheduled_after_a_missed_deadline() {
    let soiree = EventPool::with_pool(worker_pool("default", 1, 16));
    let (block, blocker) = Blocker::new();
    let options = ListenerOptions::new().retry(Retry::fixed(HOUR, 2));
    soiree
        .on_with("a", options, move |_| {
            block();
            Err::<(), _>("no")
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    blocker.wait_started();
    let (numbers, _) = cut_off(&soiree);
    assert_eq!(numbers, [1, 1, 0, 0, 0]);
    blocker.release();
    let report = emission.wait_timeout(TIME_LIMIT).expect("no retry waits");
    assert_eq!((report.failed(), report.retried()), (1, 0));
}

/// A timer that panics whenever a task is cancelled.
struct PanicsOnCancel(ManualTimer);

impl Timer for PanicsOnCancel {
    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        self.0.at(due, task)
    }

    fn cancel(&self, _: TimerId) -> bool {
        panic!("a timer of the user's")
    }
}

/// E4, E8: a timer that panics keeps no retry from being given up.
#[test]
fn a_timer_that_panics_keeps_no_retry_waiting() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .timer(PanicsOnCancel(ManualTimer::new()))
        .build()
        .unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(HOUR, 2));
    soiree
        .on_with("a", options, |_| Err::<(), _>("no"))
        .unwrap();
    let emissions: Vec<_> = (0..3).map(|_| soiree.emit("a", ()).unwrap()).collect();
    wait_until("all have failed once", || soiree.stats().retries == 3);
    let (numbers, _) = cut_off(&soiree);
    assert_eq!(numbers, [3, 0, 0, 3, 0]);
    assert!(emissions.iter().all(|emission| emission.is_finished()));
}

/// E4, L8: after a missed deadline the last emission removes the listeners, even if an emit is rejected at that moment. Many times, as it
/// is a short one.
#[test]
fn a_rejected_emit_does_not_keep_listeners_after_a_missed_deadline() {
    for round in 0..1_500 {
        let soiree = on_one_worker(4);
        let listener = Arc::new(());
        let held = Arc::downgrade(&listener);
        soiree
            .on("a", move |_| {
                let _listener = &listener;
            })
            .unwrap();
        let running = Blocker::emit(&soiree, "b", ());
        cut_off(&soiree);
        let has_ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    assert!(soiree.emit("a", ()).is_err());
                }
            });
            running.release();
            wait_until("it has ended", || soiree.stats().in_flight == 0);
            has_ended.store(true, Ordering::Relaxed);
        });
        wait_until(&format!("round {round}: the listener is dropped"), || {
            held.strong_count() == 0
        });
    }
}

/// E4, L7, L8: a pool that is shared with another event pool lives on, and runs nothing that the error of a missed deadline has reported as
/// discarded or given up. What it had accepted counts as running, and it runs that.
#[test]
fn a_shared_pool_runs_nothing_that_was_reported_as_not_run() {
    let (timer, pool) = (ManualTimer::new(), ManualPool::new());
    let calls = CallLog::default();
    let on_shared = || {
        let builder = EventPool::builder().pool(Arc::new(pool.clone()));
        let order = KeyOrder::by(|event| event.payload_as::<u8>().map(|key| *key));
        let builder = builder.ordered("k.*", order).timer(timer.clone());
        let soiree = builder.build().unwrap();
        let log = calls.clone();
        let listener = move |event: &dyn soiree_core::Event| {
            log.record(event.topic());
            if event.topic().ends_with("fails") {
                return Err("no");
            }
            Ok(())
        };
        let options = ListenerOptions::new().retry(Retry::fixed(HOUR, 2));
        soiree.on_with("**", options, listener).unwrap();
        soiree
    };
    let (closed, other) = (on_shared(), on_shared());
    let retried = closed.emit("once.fails", ()).unwrap();
    assert_eq!(pool.run_all(), 1);
    let head = closed.emit("k.head", 1_u8).unwrap();
    let behind = closed.emit("k.behind", 1_u8).unwrap();
    let queued = closed.emit("queued", ()).unwrap();
    let (numbers, error) = cut_off(&closed);
    assert_eq!(numbers, [4, 2, 1, 1, 0], "{error}");
    assert!(behind.wait().is_discarded() && retried.is_finished());
    let later = other.emit("other.fails", ()).unwrap();
    assert_eq!(pool.run_all(), 3);
    timer.advance(2 * HOUR);
    assert_eq!(pool.run_all(), 1, "the retry of the other one");
    for emission in [head, queued] {
        assert_eq!(emission.wait().delivered(), 1);
    }
    assert_eq!(later.wait().retried(), 1);
    assert_eq!(
        calls.take(),
        [
            "once.fails",
            "k.head",
            "queued",
            "other.fails",
            "other.fails"
        ]
    );
    other.close().unwrap();
    assert_eq!(pool.run_all(), 0);
}
