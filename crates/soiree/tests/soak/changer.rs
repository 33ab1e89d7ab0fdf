//! Bulkheads, routes, orders, settings and listeners that come and go.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use fastrand::Rng;
use soiree::{EventPool, ListenerOptions, Priority};
use tokio::runtime::Handle;

use crate::client::Client;
use crate::ledger::Ledger;
use crate::listeners::key_order;
use crate::pools::{random_pool, task_pool};
use crate::values::{Dice, Hostile, caught, pause};

pub(crate) struct Changer {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) soiree: EventPool,
    pub(crate) rng: Rng,
    pub(crate) runtime: Handle,
    pub(crate) thread: usize,
}

impl Changer {
    pub(crate) fn new(client: Client, runtime: Handle) -> Self {
        let Client {
            ledger,
            soiree,
            rng,
            thread,
            ..
        } = client;
        Self {
            ledger,
            soiree,
            rng,
            runtime,
            thread,
        }
    }

    /// Changes things until the round closes.
    pub(crate) fn run(&mut self) {
        while !self.ledger.is_closing.load(SeqCst) {
            // A value that is replaced may panic when it is dropped here.
            if caught(|| self.change()).is_none() {
                self.ledger.step();
            }
            self.ledger.set_activity(self.thread, "pauses");
            pause(Duration::from_micros(self.rng.u64(50..1_500)));
        }
    }

    fn value(&mut self) -> Hostile {
        Hostile::new(&self.ledger, Dice::new(self.rng.u64(..), 0))
    }

    fn change(&mut self) {
        let (soiree, bulkhead) = (self.soiree.clone(), ["extra", "more"][self.rng.usize(..2)]);
        let (ledger, thread) = (Arc::clone(&self.ledger), self.thread);
        let activity = |what| ledger.set_activity(thread, what);
        match self.rng.u8(..16) {
            0 | 1 => {
                activity("add_bulkhead");
                let made = random_pool(&mut self.rng, &self.runtime);
                let _ = soiree.add_bulkhead(bulkhead, made.pool);
            }
            2 => {
                activity("drain_bulkhead");
                let _ = soiree.drain_bulkhead(bulkhead);
            }
            3 => {
                activity("drain_bulkhead_with_deadline");
                let deadline = Instant::now() + Duration::from_millis(self.rng.u64(..4));
                let _ = soiree.drain_bulkhead_with_deadline(bulkhead, deadline);
            }
            4 => {
                activity("drains the bulkhead of futures");
                let pool = task_pool(&mut self.rng, &self.runtime);
                let _ = soiree.drain_bulkhead("async");
                let _ = soiree.add_bulkhead("async", pool);
            }
            5 => {
                activity("drains the bulkhead of listeners");
                let made = random_pool(&mut self.rng, &self.runtime);
                let _ = soiree.drain_bulkhead("own");
                let _ = soiree.add_bulkhead("own", made.pool);
            }
            6 | 7 => {
                activity("add_route");
                let pattern = ["p.x", "p.**", "k.a", "l.*", "i.**"][self.rng.usize(..5)];
                let _ = soiree.add_route(pattern, bulkhead);
            }
            8 => {
                activity("remove_route");
                soiree.remove_route(["p.x", "p.**", "k.a", "l.*"][self.rng.usize(..4)]);
            }
            9 => {
                activity("orders");
                let _ = soiree.add_order("p.z", key_order(self.rng.usize(1..50)));
                if self.rng.bool() {
                    soiree.remove_order("p.z");
                }
            }
            10 => self.set_handlers(&soiree),
            11 => {
                activity("resize_bulkhead");
                let name = ["default", "own", "extra", "async"][self.rng.usize(..4)];
                let _ = soiree.resize_bulkhead(name, self.rng.usize(1..5));
            }
            12 if self.rng.u8(..4) == 0 => {
                activity("set_pool");
                let made = random_pool(&mut self.rng, &self.runtime);
                let _ = soiree.set_pool(made.pool);
            }
            _ => {
                activity("subscribes");
                let value = self.value();
                let options = ListenerOptions::new().priority(Priority::Low);
                let options = match self.rng.u8(..3) {
                    0 => options.pool(bulkhead),
                    1 => options.max_concurrent(1),
                    _ => options,
                };
                let id = soiree.on_with("*.x", options, move |_| value.hold());
                pause(Duration::from_micros(self.rng.u64(..500)));
                activity("unsubscribes");
                if let Ok(id) = id {
                    let _ = soiree.off("*.x", &id);
                }
            }
        }
    }

    fn set_handlers(&mut self, soiree: &EventPool) {
        self.ledger.set_activity(self.thread, "sets a handler");
        let (value, swallows) = (self.value(), self.rng.u8(..4) == 0);
        match self.rng.u8(..5) {
            0 => soiree.set_error_handler(move |_, error| {
                value.hold();
                (!swallows).then_some(error)
            }),
            1 => soiree.set_panic_handler(move |_| {
                value.hold();
                std::panic::resume_unwind(Box::new(()))
            }),
            2 => soiree.set_dead_letter_handler(move |_| value.hold()),
            3 => soiree.set_unheard_event_handler(move |_| value.hold()),
            _ => soiree.set_error_buffer(self.rng.usize(..4)),
        }
    }
}
