//! Who gets the next place.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::{Emission, EmitError, Event, Overflow};

use crate::pools::on_every_pool;
use crate::support::{Blocked, Polled, TIME_LIMIT, wait_until};

/// What waits for a place.
enum Waits<'a> {
    Thread(thread::JoinHandle<bool>),
    Task(Polled<Emit<'a>>),
}

type Emit<'a> = Pin<Box<dyn Future<Output = Result<Emission, EmitError>> + 'a>>;

/// A2: threads and tasks get places in the order in which they began to wait.
#[test]
fn blocking_and_async_emitters_get_places_in_order() {
    on_every_pool(1, Overflow::Block, |on| {
        if !on.reserves {
            return on.soiree.close().unwrap();
        }
        let (step, steps) = channel();
        let steps = Mutex::new(steps);
        let listener = move |_: &dyn Event| {
            let _ = steps.lock().unwrap().recv();
        };
        on.soiree.on("work", listener).unwrap();
        // One is handled, and one is queued.
        for _ in 0..2 {
            drop(on.soiree.emit("work", ()).unwrap());
        }
        let mut waiting = VecDeque::new();
        for number in 0..9 {
            let before = on.soiree.stats().waiting.blocked;
            waiting.push_back(if number % 3 == 0 {
                let soiree = on.soiree.clone();
                let emit = move || soiree.emit("work", ()).is_ok();
                Waits::Thread(thread::spawn(emit))
            } else {
                let mut emit: Polled<Emit> =
                    Polled::new(Box::pin(on.soiree.emit_async("work", ())));
                assert!(emit.poll().is_pending());
                Waits::Task(emit)
            });
            wait_until("it waits", || on.soiree.stats().waiting.blocked > before);
        }
        while let Some(next) = waiting.pop_front() {
            step.send(()).unwrap();
            match next {
                Waits::Thread(thread) => assert!(thread.join().unwrap()),
                Waits::Task(task) => drop(task.wait().unwrap()),
            }
            let is_served = |other: &Waits| match other {
                Waits::Thread(thread) => thread.is_finished(),
                Waits::Task(task) => task.wakes() > 0,
            };
            assert!(!waiting.iter().any(is_served), "{}", on.name);
        }
        drop(step);
        on.soiree.close().unwrap();
    });
}

/// A2: one that gives up is forgotten by nobody but itself.
#[test]
fn whoever_gives_up_leaves_the_line_to_the_others() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let first = blocked.waiting(1);
        let second = blocked.waiting(2);
        let third = blocked.waiting(3);
        drop(second);
        drop(first);
        assert_eq!(blocked.soiree.stats().waiting.blocked, 1);
        blocked.release();
        assert_eq!(third.wait().unwrap().wait().delivered(), 1);
        on.soiree.close().unwrap();
        assert_eq!(on.soiree.stats().waiting.total(), 0);
    });
}

/// A2: 8 threads and 8 tasks emit on a queue of 1. An event is handled only while all of them wait, and each began to wait when the one
/// before it stood in the line: so the first in line gets the place, and nobody waits longer than its turn.
#[test]
fn each_of_many_emitters_waits_exactly_its_turn() {
    const EMITTERS: usize = 16;
    on_every_pool(1, Overflow::Block, |on| {
        let events = match on.name {
            "WorkerPool" => 20_000,
            _ if on.reserves => 500,
            _ => return on.soiree.close().unwrap(),
        };
        let (step, steps) = channel();
        let steps = Mutex::new(steps);
        let handled = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&handled);
        let listener = move |event: &dyn Event| {
            let may_go_on = steps.lock().unwrap().recv().is_ok();
            let before = counts.fetch_add(1, Ordering::SeqCst);
            if may_go_on {
                assert_eq!(event.payload_as().as_deref(), Some(&before));
            }
        };
        on.soiree.on("work", listener).unwrap();
        let errors = Arc::new(AtomicUsize::new(0));
        let failed = Arc::clone(&errors);
        on.soiree.set_error_handler(move |_, error| {
            failed.fetch_add(1, Ordering::SeqCst);
            Some(error)
        });
        // One is handled, and one is queued.
        for number in 0..2_usize {
            drop(on.soiree.emit("work", number).unwrap());
        }
        let (serve, served) = channel();
        let emitters: Vec<(Sender<usize>, _)> = (0..EMITTERS)
            .map(|emitter| {
                let (send, numbers) = channel();
                let (soiree, serve) = (on.soiree.clone(), serve.clone());
                let emit = move || {
                    for number in numbers {
                        let emitted = match emitter % 2 {
                            0 => soiree.emit("work", number),
                            _ => pollster::block_on(soiree.emit_async("work", number)),
                        };
                        let emission = emitted.unwrap();
                        serve.send(emitter).unwrap();
                        drop(emission);
                    }
                };
                (send, thread::spawn(emit))
            })
            .collect();
        let begin = |emitter: usize, number: usize, waiting| {
            emitters[emitter].0.send(number).unwrap();
            wait_until("it waits", || on.soiree.pool_stats().blocked == waiting);
        };
        for emitter in 0..EMITTERS {
            begin(emitter, emitter + 2, emitter + 1);
        }
        for event in 0..events {
            step.send(()).unwrap();
            let next = served.recv_timeout(TIME_LIMIT).expect("one is served");
            assert_eq!(next, event % EMITTERS, "{}: {event}", on.name);
            begin(next, EMITTERS + 2 + event, EMITTERS);
        }
        drop(step);
        for (send, thread) in emitters {
            drop(send);
            thread.join().unwrap();
        }
        on.soiree.close().unwrap();
        assert_eq!(handled.load(Ordering::SeqCst), EMITTERS + 2 + events);
        assert_eq!(errors.load(Ordering::SeqCst), 0, "handled in order");
    });
}

/// A2: 8 threads and 8 tasks on a queue of 1: all events are handled, none twice.
#[test]
fn many_emitters_of_both_kinds_are_all_served() {
    on_every_pool(1, Overflow::Block, |on| {
        let events = match on.name {
            "WorkerPool" => 6_250, // 100,000 in all
            _ if on.reserves => 250,
            _ => 20,
        };
        let blocked = Blocked::new(on.soiree.clone(), 0);
        let handled = blocked.handled();
        blocked.release();
        thread::scope(|scope| {
            for emitter in 0..8_u64 {
                let soiree = &on.soiree;
                scope.spawn(move || {
                    for event in 0..events {
                        drop(
                            soiree
                                .emit("work.thread", emitter * events + event)
                                .unwrap(),
                        );
                    }
                });
                scope.spawn(move || {
                    pollster::block_on(async {
                        for event in 0..events {
                            let number = (8 + emitter) * events + event;
                            drop(soiree.emit_async("work.task", number).await.unwrap());
                        }
                    });
                });
            }
        });
        on.soiree.close().unwrap();
        let mut handled = std::mem::take(&mut *handled.lock().unwrap());
        handled.sort_unstable();
        assert_eq!(handled, (0..16 * events).collect::<Vec<_>>(), "{}", on.name);
    });
}
