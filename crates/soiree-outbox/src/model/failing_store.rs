//! A store whose commits fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use soiree_core::store::{Marks, Position, Store};
use soiree_testkit::model::{Threads, explore};
use soiree_testkit::{StoreFault, StoreMethod};

use super::{Parts, floor, one_of, record};

/// D13: marks that could not be committed are committed later, though nobody emits any more, and none is lost to newer ones.
#[test]
fn marks_are_tried_again_while_newer_ones_come() {
    explore(|| {
        let parts = Parts::new(8);
        let term = parts.claim();
        let mut threads = Threads::default();
        let times = one_of(&[1, 2]);
        parts
            .store
            .fail_next(StoreMethod::Commit, times, StoreFault::full());
        parts.start_writer(&mut threads);
        parts.queue.mark(floor(&term, 1), true);
        let mut parked = Marks::new(term.clone());
        parked.ended = vec![Position(3)];
        let last = parts.queue.mark(parked, true);
        parts.wait_for_marks(last);
        assert_eq!(parts.floor(), Position(1));
        assert_eq!(parts.store.inner().listeners().unwrap()[0].done, 1);
        parts.queue.close();
        threads.join();
    });
}

/// D20: who hurries gets no commit before the pause is over that follows one that failed; an append does.
#[test]
fn a_hurry_races_an_append_while_marks_wait_for_their_pause() {
    explore(|| {
        let parts = Parts::new(8);
        let mut threads = Threads::default();
        let (taking, is_appended) = (parts.clone(), Arc::new(AtomicBool::new(false)));
        let appended = Arc::clone(&is_appended);
        threads.start(move || {
            let pause = Duration::from_secs(24 * 3600);
            let work = taking.queue.take(Some(pause));
            assert!(appended.load(SeqCst));
            assert_eq!(work.appends.len(), 1);
        });
        parts.queue.hurry();
        is_appended.store(true, SeqCst);
        let ticket = parts.queue.append(vec![record(1)], true);
        threads.join();
        drop(ticket);
    });
}

/// D13: after the store has failed for good, nobody waits for an answer that does not come, and nothing more is stored.
#[test]
fn emitting_races_a_store_that_fails_for_good() {
    explore(|| {
        let parts = Parts::new(8);
        let (mut threads, mut emitters) = (Threads::default(), Threads::default());
        let nth = one_of(&[1, 2]);
        let fault = StoreFault::unknown();
        parts.store.fail_every(StoreMethod::Commit, nth, fault);
        parts.start_writer(&mut threads);
        let answers = Arc::new(AtomicUsize::new(0));
        for emitter in 0..2 {
            let (parts, answers) = (parts.clone(), Arc::clone(&answers));
            emitters.start(move || {
                for number in 0..2 {
                    let id = emitter * 10 + number + 1;
                    let answer = match parts.queue.append(vec![record(id)], true) {
                        Ok(ticket) => ticket.wait().is_ok(),
                        Err(_) => false,
                    };
                    assert_eq!(parts.has(id), answer);
                    answers.fetch_add(1, SeqCst);
                }
            });
        }
        emitters.join();
        parts.queue.close();
        threads.join();
        assert_eq!(answers.load(SeqCst), 4);
        let failures = parts.signals.take().failures;
        assert!(failures.iter().any(|(_, is_final)| *is_final) || nth == 2);
    });
}
