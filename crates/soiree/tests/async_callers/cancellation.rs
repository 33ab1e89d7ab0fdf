//! Futures that are dropped at any moment.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::task::Poll;

use proptest::prelude::*;
use soiree::{Emission, EmitError, Event, Overflow};

use crate::pools::on_every_pool;
use crate::support::{Polled, wait_until};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Makes a future and polls it once.
    Emit,
    /// Polls one of those that wait.
    Poll(usize),
    /// Drops one of those that wait.
    Drop(usize),
    /// The worker goes on by one event.
    Handle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Emit),
        3 => (0..8_usize).prop_map(Step::Poll),
        2 => (0..8_usize).prop_map(Step::Drop),
        2 => Just(Step::Handle),
    ];
    proptest::collection::vec(step, 1..60)
}

type Emit<'a> = Pin<Box<dyn Future<Output = Result<Emission, EmitError>> + 'a>>;

/// Polls once. Returns the future if it still waits.
fn poll<'a>(
    number: u64,
    mut emit: Polled<Emit<'a>>,
    accepted: &mut Vec<u64>,
) -> Option<Polled<Emit<'a>>> {
    match emit.poll() {
        Poll::Ready(emitted) => {
            drop(emitted.unwrap());
            accepted.push(number);
            None
        }
        Poll::Pending => Some(emit),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A1, A2: what was ready is handled once, what was dropped never, and no place is lost.
    #[test]
    fn what_was_ready_is_handled_and_what_was_dropped_is_not(steps in steps()) {
        on_every_pool(1, Overflow::Block, |on| {
            let (go_on, waits) = channel();
            let waits = Mutex::new(waits);
            let handled = std::sync::Arc::new(Mutex::new(Vec::new()));
            let record = std::sync::Arc::clone(&handled);
            let listener = move |event: &dyn Event| {
                let _ = waits.lock().unwrap().recv();
                let number = event.with_payload(|number: &u64| *number);
                record.lock().unwrap().push(number.expect("it is a number"));
            };
            on.soiree.on("work", listener).unwrap();
            let mut accepted = Vec::new();
            let mut waiting: Vec<(u64, Polled<Emit>)> = Vec::new();
            for (number, step) in (0..).zip(&steps) {
                match *step {
                    Step::Emit => {
                        let emit: Emit = Box::pin(on.soiree.emit_async("work", number));
                        let emit = poll(number, Polled::new(emit), &mut accepted);
                        waiting.extend(emit.map(|emit| (number, emit)));
                    }
                    Step::Poll(index) if index < waiting.len() => {
                        let (number, emit) = waiting.remove(index);
                        if let Some(emit) = poll(number, emit, &mut accepted) {
                            waiting.insert(index, (number, emit));
                        }
                    }
                    Step::Drop(index) if index < waiting.len() => drop(waiting.remove(index)),
                    Step::Handle => go_on.send(()).unwrap(),
                    _ => {}
                }
            }
            drop(go_on);
            drop(waiting);
            wait_until("nothing is in flight", || on.soiree.stats().in_flight == 0);
            // Every place is free again: the queue takes one, and the worker another.
            drop(on.soiree.emit("work", 1_000_u64).unwrap());
            on.soiree.close().unwrap();
            accepted.push(1_000);
            let mut handled = std::mem::take(&mut *handled.lock().unwrap());
            handled.sort_unstable();
            accepted.sort_unstable();
            assert_eq!(handled, accepted, "{}", on.name);
            let stats = on.soiree.pool_stats();
            assert_eq!((stats.blocked, stats.reserved), (0, 0), "{}", on.name);
        });
    }
}
