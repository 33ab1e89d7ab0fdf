//! Which listeners are retried, when, where, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, ListenerOptions, Pool, Priority, Retry, SubscribeError};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;

use super::retried;
use crate::support::{CallLog, TIME_LIMIT, emit_both_ways, on_one_worker, wait_until};

const NEVER: Duration = Duration::from_secs(3600);

/// L7: the listener sees the number of its attempt.
#[test]
fn only_the_listener_that_failed_is_retried() {
    let soiree = on_one_worker(8);
    let log = CallLog::default();
    let (first, second) = (log.clone(), log.clone());
    soiree
        .on_with("a.b", retried(3).priority(Priority::High), move |event| {
            first.record(format!("attempt {}", event.attempt()));
            if event.attempt() < 3 {
                Err("not yet")
            } else {
                Ok(())
            }
        })
        .unwrap();
    soiree
        .on("a.b", move |event| {
            second.record(format!("other {}", event.attempt()))
        })
        .unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(
            (report.delivered(), report.failed(), report.retried()),
            (2, 0, 2)
        );
        let mut recorded = log.take();
        assert_eq!(recorded.remove(0), "attempt 1");
        recorded.sort();
        assert_eq!(recorded, ["attempt 2", "attempt 3", "other 1"]);
    });
    soiree.close().unwrap();
}

/// L7: between attempts, the worker is free, and the emission has not ended.
#[test]
fn a_listener_that_waits_for_a_retry_blocks_no_worker() {
    let soiree = on_one_worker(8);
    let options = ListenerOptions::new().retry(Retry::fixed(NEVER, 2));
    soiree
        .on_with("a.b", options, |_| Err::<(), _>("no"))
        .unwrap();
    let waiting = soiree.emit("a.b", ()).unwrap();
    for _ in 0..10 {
        assert!(soiree.emit("c.d", ()).unwrap().wait().is_ok());
    }
    assert!(waiting.wait_timeout(Duration::ZERO).is_none());
    wait_until("the worker is free", || soiree.pool_stats().active == 0);
    let late = soiree.close_with_deadline(Instant::now()).unwrap_err();
    assert!(matches!(
        late,
        CloseError::DrainTimeout { emissions: 1, .. }
    ));
}

/// L7
#[test]
fn a_swallowed_error_is_not_retried() {
    let soiree = EventPool::builder()
        .error_handler(|_, _| None)
        .build()
        .unwrap();
    soiree
        .on_with("a.b", retried(3), |_| Err::<(), _>("no"))
        .unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert!(report.is_ok());
        assert_eq!((report.failed(), report.retried()), (1, 0));
    });
    soiree.close().unwrap();
}

/// L7: beyond the capacity, the first attempt is the last one, and ends like any last attempt.
#[test]
fn no_more_retries_wait_than_the_capacity_allows() {
    let letters = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&letters);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 8).unwrap())
        .retry_capacity(1)
        .dead_letter_handler(move |letter| {
            assert_eq!(letter.attempts, 1);
            count.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(NEVER, 9));
    soiree
        .on_with("a.b", options, |_| Err::<(), _>("no"))
        .unwrap();
    let waiting = soiree.emit("a.b", ()).unwrap();
    wait_until("the retry waits", || soiree.pool_stats().successful == 1);
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.failed(), report.retried()), (1, 0))
    });
    assert_eq!(letters.load(Ordering::SeqCst), 2);
    assert!(!waiting.is_finished());
}

/// L3, L7, E3: the only worker of the pool waits, and runs the retries that are due.
#[test]
fn a_listener_may_wait_for_retries_on_its_own_pool() {
    let soiree = on_one_worker(8);
    let weak = soiree.downgrade();
    soiree
        .on_with("inner", retried(3), |event| {
            if event.attempt() < 3 {
                Err("not yet")
            } else {
                Ok(())
            }
        })
        .unwrap();
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            assert_eq!(soiree.emit("inner", ()).unwrap().wait().retried(), 2);
            assert_eq!(soiree.emit_sync("inner", ()).unwrap().retried(), 2);
        })
        .unwrap();
    let report = soiree.emit("outer", ()).unwrap().wait();
    assert!(report.is_ok(), "{report:?}");
    soiree.close().unwrap();
}

/// L5, L7: all attempts are one run.
#[test]
fn all_attempts_are_one_run() {
    let soiree = on_one_worker(64);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    soiree
        .on_with("a.b", retried(3).max_runs(2), move |event| {
            count.fetch_add(1, Ordering::SeqCst);
            if event.attempt() < 3 {
                Err("not yet")
            } else {
                Ok(())
            }
        })
        .unwrap();
    let emissions: Vec<_> = (0..5).map(|_| soiree.emit("a.b", ()).unwrap()).collect();
    let delivered: u64 = emissions
        .iter()
        .map(|emission| emission.wait().delivered())
        .sum();
    assert_eq!((delivered, calls.load(Ordering::SeqCst)), (2, 6));
    assert!(soiree.is_empty());
    soiree.close().unwrap();
}

/// E6, L7: if the pool has stopped, there is no next attempt: none is counted, and the last error is reported.
#[test]
fn a_pool_that_has_stopped_ends_the_attempts() {
    let pool = Arc::new(WorkerPool::new(1, 8).unwrap());
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    let stopping = Arc::clone(&pool);
    soiree
        .on_with("a.b", retried(3), move |_| {
            stopping.stop();
            Err::<(), _>("no")
        })
        .unwrap();
    let report = soiree.emit("a.b", ()).unwrap().wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.retried()),
        (1, 1, 0)
    );
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Failed);
    soiree.close().unwrap();
}

/// L6, L7
#[test]
fn a_retry_runs_on_the_listeners_own_pool() {
    let soiree = EventPool::builder()
        .bulkhead(
            "own",
            WorkerPool::builder()
                .name("own")
                .max_workers(1)
                .build()
                .unwrap(),
        )
        .build()
        .unwrap();
    let (sender, threads) = channel();
    soiree
        .on_with("a.b", retried(2).pool("own"), move |_| {
            sender
                .send(thread::current().name().map(String::from))
                .unwrap();
            Err::<(), _>("no")
        })
        .unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.failed(), report.retried()), (1, 1))
    });
    soiree.close().unwrap();
    drop(soiree);
    let threads: Vec<_> = threads.try_iter().flatten().collect();
    assert_eq!(threads, ["own-0"; 4]);
}

/// L5, L7: also with many threads, and a queue that is often full.
#[test]
fn attempts_are_exact_under_concurrent_emits() {
    const EVENTS: usize = 200;
    let soiree = EventPool::with_pool(WorkerPool::new(2, 2).unwrap());
    let calls: Arc<Vec<AtomicUsize>> =
        Arc::new((0..4 * EVENTS).map(|_| AtomicUsize::new(0)).collect());
    let seen = Arc::clone(&calls);
    soiree
        .on_with("a.b", retried(3), move |event| {
            let number = *event.payload_as::<usize>().unwrap();
            let before = seen[number].fetch_add(1, Ordering::SeqCst);
            assert_eq!(before + 1, event.attempt() as usize);
            if before < number % 3 {
                Err("not yet")
            } else {
                Ok(())
            }
        })
        .unwrap();
    thread::scope(|scope| {
        for part in 0..4 {
            let soiree = &soiree;
            scope.spawn(move || {
                for number in part * EVENTS..(part + 1) * EVENTS {
                    if number % 5 == 0 {
                        assert!(soiree.emit_sync("a.b", number).unwrap().is_ok());
                    } else {
                        soiree.emit("a.b", number).unwrap();
                    }
                }
            });
        }
    });
    soiree
        .close_with_deadline(Instant::now() + TIME_LIMIT)
        .unwrap();
    for (number, calls) in calls.iter().enumerate() {
        assert_eq!(
            calls.load(Ordering::SeqCst),
            number % 3 + 1,
            "event {number}"
        );
    }
}

/// L7: a listener that could never be called is rejected at subscription.
#[test]
fn zero_attempts_are_rejected() {
    let soiree = on_one_worker(1);
    let rejected = soiree.on_with("a.b", retried(0), |_| {}).unwrap_err();
    assert!(matches!(rejected, SubscribeError::ZeroAttempts));
}
