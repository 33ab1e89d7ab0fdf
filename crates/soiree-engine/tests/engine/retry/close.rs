//! Retries when the event pool is closed or dropped.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{Event, ListenerErrorKind, Observer, Priority, RetryScheduled};
use soiree_engine::{CloseError, Emission};
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, Recorder};

use super::retried;
use crate::support::{TIME_LIMIT, on_one_worker, wait_until};

/// The attempts of each event, and the dead letters.
#[derive(Default)]
struct Attempts {
    called: Mutex<BTreeMap<usize, u32>>,
    dead_letters: Mutex<Vec<(usize, u32)>>,
}

/// An event pool whose listener fails twice and then succeeds, except for every third event, for which it always fails.
fn failing(attempts: &Arc<Attempts>) -> EventPool {
    let (calls, letters) = (Arc::clone(attempts), Arc::clone(attempts));
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 4).unwrap())
        .retry_capacity(usize::MAX)
        .dead_letter_handler(move |letter| {
            let number = *letter.payload.get::<usize>().unwrap();
            let mut dead_letters = letters.dead_letters.lock().unwrap();
            dead_letters.push((number, letter.attempts));
        })
        .build()
        .unwrap();
    soiree
        .on_with("a.b", retried(3), move |event| {
            let number = *event.payload_as::<usize>().unwrap();
            let mut called = calls.called.lock().unwrap();
            *called.entry(number).or_default() += 1;
            assert_eq!(called[&number], event.attempt());
            if event.attempt() < 3 || number % 3 == 0 {
                Err("no")
            } else {
                Ok(())
            }
        })
        .unwrap();
    soiree
}

/// Emits from four threads until `close` has closed the event pool. Returns the accepted emissions.
fn emit_until_closed<R>(
    soiree: &EventPool,
    close: impl FnOnce() -> R,
) -> (Vec<(usize, Emission)>, R) {
    let start = Barrier::new(5);
    let emit = |part: usize| {
        let mut accepted = Vec::new();
        start.wait();
        for number in (part..).step_by(4) {
            match soiree.emit("a.b", number) {
                Ok(emission) => accepted.push((number, emission)),
                Err(_) => return accepted,
            }
        }
        accepted
    };
    let emit = &emit;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|part| scope.spawn(move || emit(part))).collect();
        start.wait();
        let closed = close();
        let accepted = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        (accepted.collect(), closed)
    })
}

/// L7, E4: a close waits for every attempt of the events accepted before it.
#[test]
fn a_close_loses_no_attempt() {
    for _ in 0..20 {
        let attempts = Arc::new(Attempts::default());
        let soiree = failing(&attempts);
        let (accepted, closed) = emit_until_closed(&soiree, || {
            wait_until("some have failed", || {
                attempts.called.lock().unwrap().len() > 8
            });
            soiree.close()
        });
        closed.unwrap();
        assert!(accepted.iter().all(|(_, emission)| emission.is_finished()));
        let called = attempts.called.lock().unwrap();
        let dead_letters = attempts.dead_letters.lock().unwrap();
        assert_eq!(called.len(), accepted.len());
        for (number, emission) in &accepted {
            let report = emission.wait();
            let failed = u64::from(number % 3 == 0);
            assert_eq!((report.delivered(), report.failed()), (1, failed));
            assert_eq!((report.retried(), called[number]), (2, 3));
            let dead_letters = dead_letters
                .iter()
                .filter(|letter| *letter == &(*number, 3));
            assert_eq!(dead_letters.count() as u64, failed);
        }
        let failed = accepted
            .iter()
            .filter(|(number, _)| number % 3 == 0)
            .count();
        assert_eq!(dead_letters.len(), failed);
    }
}

/// L7, E4, E6: after a missed deadline every emission ends, and its report is correct.
#[test]
fn a_close_with_a_deadline_ends_every_retry() {
    for _ in 0..20 {
        let attempts = Arc::new(Attempts::default());
        let soiree = failing(&attempts);
        let (accepted, closed) = emit_until_closed(&soiree, || {
            wait_until("some have failed", || {
                attempts.called.lock().unwrap().len() > 8
            });
            soiree.close_with_deadline(Instant::now())
        });
        assert!(matches!(
            closed,
            Ok(()) | Err(CloseError::DrainTimeout { .. })
        ));
        let mut failed_for_good = 0;
        for (number, emission) in &accepted {
            let report = emission
                .wait_timeout(TIME_LIMIT)
                .expect("the emission ends");
            let calls = attempts.called.lock().unwrap().get(number).copied();
            if report.is_discarded() {
                assert_eq!((report.delivered(), calls), (0, None), "{report:?}");
                continue;
            }
            assert_eq!(report.delivered(), 1, "{report:?}");
            failed_for_good += report.failed();
            if report.failed() == 0 {
                assert_eq!((report.retried(), calls), (2, Some(3)));
            } else {
                assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Failed);
            }
        }
        // Each dead letter has the number of calls.
        let dead_letters = attempts.dead_letters.lock().unwrap();
        assert_eq!(dead_letters.len() as u64, failed_for_good);
        let called = attempts.called.lock().unwrap();
        assert!(
            dead_letters
                .iter()
                .all(|(number, attempts)| called[number] == *attempts)
        );
    }
}

/// E4, E5: neither a close nor the drop of the last handle loses a scheduled attempt.
#[test]
fn closing_or_dropping_an_event_pool_loses_no_retry() {
    for close in [true, false] {
        let soiree = on_one_worker(8);
        let (sender, receiver) = channel();
        soiree
            .on_with("a.b", retried(3), move |event| {
                sender.send(event.attempt()).unwrap();
                if event.attempt() < 3 {
                    Err("not yet")
                } else {
                    Ok(())
                }
            })
            .unwrap();
        let emission = soiree.emit("a.b", ()).unwrap();
        if close {
            soiree.close().unwrap();
            assert!(emission.is_finished());
        }
        wait_until("the first attempt has failed", || {
            soiree.pool_stats().successful > 0
        });
        drop(soiree);
        assert!(emission.wait().is_ok());
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3]);
    }
}

/// E4, E6: the emission ends once, when its other listeners have been called.
#[test]
fn a_close_may_give_up_a_retry_while_it_is_scheduled() {
    struct Closes(soiree::WeakEventPool);
    impl Observer for Closes {
        fn retry_scheduled(&self, _: &RetryScheduled<'_>) {
            let soiree = self.0.upgrade().unwrap();
            // Not from inside the listener, which a close would reject.
            let close = move || soiree.close_with_deadline(Instant::now());
            thread::spawn(close).join().unwrap().unwrap_err();
        }
    }
    let pool = Arc::new(ManualPool::new());
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree.add_observer(Closes(soiree.downgrade()));
    let listener = |_: &dyn Event| Err::<(), _>("no");
    soiree.on_with("t", retried(9), listener).unwrap();
    let second = Recorder::new();
    soiree
        .listen_with("t", Priority::Low, second.clone())
        .unwrap();
    let emission = soiree.emit("t", ()).unwrap();
    assert!(pool.run_next());
    let report = emission.wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.retried()),
        (2, 1, 0)
    );
    second.assert_received("t").once();
}
