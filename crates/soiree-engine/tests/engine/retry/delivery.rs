//! Retries and dead letters, exact while much goes on at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{DeadLetter, ListenerErrorKind, ListenerOptions, Retry};
use soiree_engine::{CloseError, Emission};
use soiree_pool::WorkerPool;

use crate::support::{PATIENCE, on_one_worker, until};

fn retried(attempts: u32) -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(Duration::from_millis(1), attempts))
}

/// What became of the attempts of each event.
#[derive(Default)]
struct Attempts {
    called: Mutex<BTreeMap<usize, u32>>,
    buried: Mutex<Vec<(usize, u32)>>,
}

/// An event pool whose listener fails twice and then succeeds; every third event fails for good.
fn failing(attempts: &Arc<Attempts>) -> EventPool {
    let (calls, letters) = (Arc::clone(attempts), Arc::clone(attempts));
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 4).unwrap())
        .retry_capacity(usize::MAX)
        .dead_letter_handler(move |letter| {
            let number = *letter.payload.get::<usize>().unwrap();
            let mut buried = letters.buried.lock().unwrap();
            buried.push((number, letter.attempts));
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

/// Emits from four threads until the pool is closed, which `close` does meanwhile. What was accepted.
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

/// L7, E4: a close waits for every attempt of what was accepted before it.
#[test]
fn a_close_loses_no_attempt() {
    for _ in 0..20 {
        let attempts = Arc::new(Attempts::default());
        let soiree = failing(&attempts);
        let (accepted, closed) = emit_until_closed(&soiree, || {
            until("some have failed", || {
                attempts.called.lock().unwrap().len() > 8
            });
            soiree.close()
        });
        closed.unwrap();
        assert!(accepted.iter().all(|(_, emission)| emission.is_finished()));
        let called = attempts.called.lock().unwrap();
        let buried = attempts.buried.lock().unwrap();
        assert_eq!(called.len(), accepted.len());
        for (number, emission) in &accepted {
            let report = emission.wait();
            let failed = u64::from(number % 3 == 0);
            assert_eq!((report.delivered, report.failed), (1, failed));
            assert_eq!((report.retried, called[number]), (2, 3));
            let buried = buried.iter().filter(|letter| *letter == &(*number, 3));
            assert_eq!(buried.count() as u64, failed);
        }
        let failed = accepted
            .iter()
            .filter(|(number, _)| number % 3 == 0)
            .count();
        assert_eq!(buried.len(), failed);
    }
}

/// L7, E4, E6: a close whose deadline has come leaves no emission without an end, and the reports say what became of each.
#[test]
fn a_close_with_a_deadline_ends_every_retry() {
    for _ in 0..20 {
        let attempts = Arc::new(Attempts::default());
        let soiree = failing(&attempts);
        let (accepted, closed) = emit_until_closed(&soiree, || {
            until("some have failed", || {
                attempts.called.lock().unwrap().len() > 8
            });
            soiree.close_with_deadline(Instant::now())
        });
        assert!(matches!(
            closed,
            Ok(()) | Err(CloseError::DrainTimeout { .. })
        ));
        let mut given_up = 0;
        for (number, emission) in &accepted {
            let report = emission.wait_timeout(PATIENCE).expect("it ends");
            let calls = attempts.called.lock().unwrap().get(number).copied();
            if report.discarded {
                assert_eq!((report.delivered, calls), (0, None), "{report:?}");
                continue;
            }
            assert_eq!(report.delivered, 1, "{report:?}");
            given_up += report.failed;
            if report.failed == 0 {
                assert_eq!((report.retried, calls), (2, Some(3)));
            } else {
                assert_eq!(report.errors[0].kind(), ListenerErrorKind::Failed);
            }
        }
        // Each is told of as often as it was called.
        let buried = attempts.buried.lock().unwrap();
        assert_eq!(buried.len() as u64, given_up);
        let called = attempts.called.lock().unwrap();
        assert!(
            buried
                .iter()
                .all(|(number, attempts)| called[number] == *attempts)
        );
    }
}

/// L7: a dead letter has the error, the number of attempts, and the topic and the ID of the event.
#[test]
fn a_dead_letter_says_what_happened_to_which_event() {
    let soiree = on_one_worker(8);
    soiree.set_dead_letter_topic("dead.letters").unwrap();
    let (said, heard) = channel();
    let (sent, ids) = channel();
    soiree
        .on("dead.letters", move |event| {
            let letter = event.payload_as::<DeadLetter>().unwrap();
            said.send((*letter).clone()).unwrap();
        })
        .unwrap();
    soiree
        .on_with("mail.*", retried(2).name("mailer"), move |event| {
            sent.send(event.id()).unwrap();
            Err::<(), _>(format!("no route in attempt {}", event.attempt()))
        })
        .unwrap();
    assert_eq!(soiree.emit("mail.queued", 7_u8).unwrap().wait().failed, 1);
    let letter = heard.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&*letter.topic, letter.attempts), ("mail.queued", 2));
    assert_eq!(ids.iter().take(2).collect::<Vec<_>>(), [letter.event_id; 2]);
    assert_eq!(letter.payload.get::<u8>().as_deref(), Some(&7));
    assert_eq!(letter.error.name(), Some("mailer"));
    assert_eq!(letter.error.pattern(), "mail.*");
    assert!(letter.error.to_string().ends_with("no route in attempt 2"));
    soiree.close().unwrap();
    assert!(heard.try_recv().is_err(), "there is one");
}

/// L7: not by way of a handler either, that emits letters itself to listeners which fail as well, on a pattern that matches all.
#[test]
fn a_handler_that_emits_dead_letters_does_not_loop() {
    let slot: Arc<Mutex<Option<EventPool>>> = Arc::default();
    let (emits, handled) = (Arc::clone(&slot), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&handled);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 8).unwrap())
        .dead_letter_handler(move |letter| {
            count.fetch_add(1, Ordering::SeqCst);
            let soiree = emits.lock().unwrap().clone().unwrap();
            soiree.emit("letters.dead", letter.clone()).unwrap();
            panic!("and it panics as well");
        })
        .build()
        .unwrap();
    *slot.lock().unwrap() = Some(soiree.clone());
    let calls: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    for pattern in ["**", "letters.*"] {
        let calls = Arc::clone(&calls);
        soiree
            .on_with(pattern, retried(2), move |event| {
                let mut calls = calls.lock().unwrap();
                *calls.entry(event.topic().to_owned()).or_default() += 1;
                Err::<(), _>("no")
            })
            .unwrap();
    }
    assert_eq!(soiree.emit("a.b", ()).unwrap().wait().failed, 1);
    soiree.close().unwrap();
    slot.lock().unwrap().take();
    assert_eq!(handled.load(Ordering::SeqCst), 1);
    let calls: Vec<_> = calls.lock().unwrap().clone().into_iter().collect();
    assert_eq!(calls, [("a.b".into(), 2), ("letters.dead".into(), 4)]);
}
