//! Events whose last attempt has failed become dead letters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use soiree::EventPool;
use soiree_core::{DeadLetter, Properties};
use soiree_pool::WorkerPool;

use super::retried;
use crate::support::{TIME_LIMIT, emit_both_ways, on_one_worker};

/// L7, E1: each error reaches the error handler, the last one the report, and the dead letter its handler.
#[test]
fn after_its_last_attempt_the_event_is_a_dead_letter() {
    let letters: Arc<Mutex<Vec<DeadLetter>>> = Arc::default();
    let handled = Arc::new(AtomicUsize::new(0));
    let (kept, count) = (Arc::clone(&letters), Arc::clone(&handled));
    let soiree = EventPool::builder()
        .error_handler(move |_, error| {
            count.fetch_add(1, Ordering::SeqCst);
            Some(error)
        })
        .dead_letter_handler(move |letter| {
            kept.lock().unwrap().push(letter.clone());
            panic!("handlers may panic");
        })
        .build()
        .unwrap();
    soiree
        .on_with("a.*", retried(3).name("mail"), |event| {
            let attempt = i64::from(event.attempt());
            event.set_properties(Properties::new().set("attempt", attempt));
            if event.attempt() == 2 {
                panic!("oops");
            }
            Err::<(), _>(format!("attempt {}", event.attempt()))
        })
        .unwrap();
    // Without retries there are no dead letters.
    soiree.on("a.*", |_| Err::<(), _>("no")).unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!(
            (report.delivered(), report.failed(), report.retried()),
            (2, 2, 2)
        );
        assert!(
            report
                .errors()
                .iter()
                .any(|error| error.to_string().ends_with("attempt 3"))
        );
        assert_eq!(handled.swap(0, Ordering::SeqCst), 4);
        let mut letters = letters.lock().unwrap();
        assert_eq!(letters.len(), 1);
        let letter = letters.pop().unwrap();
        assert_eq!((&*letter.topic, letter.attempts), ("a.b", 3));
        assert_eq!(
            (letter.error.name(), letter.error.pattern()),
            (Some("mail"), "a.*")
        );
        assert!(letter.payload.is::<()>());
        let attempt = letter.properties.get("attempt").unwrap();
        assert_eq!((attempt.as_i64(), letter.properties.len()), (Some(3), 1));
    });
    soiree.close().unwrap();
}

/// L7: dead letters on a topic do not loop.
#[test]
fn a_dead_letter_whose_listener_fails_becomes_no_other_dead_letter() {
    let soiree = on_one_worker(8);
    soiree.set_dead_letter_topic("dead.letters").unwrap();
    let (sender, receiver) = channel();
    soiree
        .on_with("**", retried(2), move |event| {
            sender.send(event.topic().to_owned()).unwrap();
            Err::<(), _>("no")
        })
        .unwrap();
    let report = soiree.emit("a.b", 7).unwrap().wait();
    assert_eq!(report.failed(), 1);
    soiree.close().unwrap_or_else(|error| panic!("{error}"));
    drop(soiree);
    let receiver: Vec<String> = receiver.try_iter().collect();
    let of = |topic: &str| {
        receiver
            .iter()
            .filter(|receiver| *receiver == topic)
            .count()
    };
    assert_eq!((of("a.b"), of("dead.letters"), receiver.len()), (2, 2, 4));
}

/// L7: the error, the number of attempts, and the topic and ID of the event.
#[test]
fn a_dead_letter_names_the_event_and_the_error() {
    let soiree = on_one_worker(8);
    soiree.set_dead_letter_topic("dead.letters").unwrap();
    let (sender, receiver) = channel();
    let (sent, ids) = channel();
    soiree
        .on("dead.letters", move |event| {
            let letter = event.payload_as::<DeadLetter>().unwrap();
            sender.send((*letter).clone()).unwrap();
        })
        .unwrap();
    soiree
        .on_with("mail.*", retried(2).name("mailer"), move |event| {
            sent.send(event.id()).unwrap();
            Err::<(), _>(format!("no route in attempt {}", event.attempt()))
        })
        .unwrap();
    assert_eq!(soiree.emit("mail.queued", 7_u8).unwrap().wait().failed(), 1);
    let letter = receiver.recv_timeout(TIME_LIMIT).unwrap();
    assert_eq!((&*letter.topic, letter.attempts), ("mail.queued", 2));
    assert_eq!(ids.iter().take(2).collect::<Vec<_>>(), [letter.event_id; 2]);
    assert_eq!(letter.payload.get::<u8>().as_deref(), Some(&7));
    assert_eq!(letter.error.name(), Some("mailer"));
    assert_eq!(letter.error.pattern(), "mail.*");
    assert!(letter.error.to_string().ends_with("no route in attempt 2"));
    soiree.close().unwrap();
    assert!(receiver.try_recv().is_err(), "there is one dead letter");
}

/// L7: not even if their listeners fail as well, and match every topic.
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
            panic!("the handler panics as well");
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
    assert_eq!(soiree.emit("a.b", ()).unwrap().wait().failed(), 1);
    soiree.close().unwrap();
    slot.lock().unwrap().take();
    assert_eq!(handled.load(Ordering::SeqCst), 1);
    let calls: Vec<_> = calls.lock().unwrap().clone().into_iter().collect();
    assert_eq!(calls, [("a.b".into(), 2), ("letters.dead".into(), 4)]);
}
