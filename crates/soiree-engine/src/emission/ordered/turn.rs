//! The turn of an emission on the thread that emits, in the lane of its key.

use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use super::cargo::Cargo;
use super::flight::{AnyFlight, Flight};
use super::future::Waiter;
use super::lane::{Berth, start};
use crate::context;
use crate::ordering::{Full, Member, OrderingKey, Patience, Place, Rule, Waiting};
use soiree_core::Pool;

/// Holds up those behind until it is dropped.
pub(crate) struct Turn(Arc<Shared>);

struct Shared {
    rule: Arc<Rule>,
    key: OrderingKey,
    has_come: Mutex<bool>,
    changed: Condvar,
    /// What the emission has become since a listener was handed over.
    flight: OnceLock<Arc<dyn AnyFlight>>,
}

impl Turn {
    /// Waits for its turn. With a capacity of 0 and no patience it does not wait.
    pub(crate) fn wait_for(
        rule: &Arc<Rule>,
        key: OrderingKey,
        capacity: usize,
        patience: impl FnOnce() -> Patience,
    ) -> Result<Self, Full> {
        let shared = Arc::new(Shared {
            rule: Arc::clone(rule),
            key,
            has_come: Mutex::new(false),
            changed: Condvar::new(),
            flight: OnceLock::new(),
        });
        let member = Arc::clone(&shared) as Arc<dyn Member>;
        let lanes = &rule.lanes;
        if let Place::Behind = lanes.enter(&shared.key, &member, None, capacity, patience)? {
            let has_come = shared.has_come.lock();
            let mut has_come = has_come.unwrap_or_else(PoisonError::into_inner);
            while !*has_come {
                let woken = shared.changed.wait(has_come);
                has_come = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(Self(shared))
    }

    /// What stands for it in a [`Frame`](super::Frame).
    pub(crate) fn address(&self) -> usize {
        self.0.address()
    }

    /// The emission goes on as this flight, whose parts others may run.
    pub(crate) fn continue_as<C: Cargo>(&self, flight: &Arc<Flight<C>>) {
        let berth = Berth::borrowed(&self.0.rule, self.0.key.clone());
        flight.core.set_berth(berth);
        let _ = self.0.flight.set(Arc::clone(flight) as _);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        start(self.0.rule.lanes.leave(&self.0.key));
    }
}

impl Shared {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Member for Shared {
    fn offer(self: Arc<Self>, _: Option<Arc<dyn Pool>>) -> Option<Waiting> {
        *self.has_come.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
        None
    }

    fn run_inline(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<Waiting> {
        self.offer(pool)
    }

    fn stall(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) {
        let _ = self.offer(pool);
    }

    fn discard(self: Arc<Self>) {
        let _ = self.offer(None);
    }

    fn lend(self: Arc<Self>, waiter: &mut Waiter) -> bool {
        let flight = self.flight.get();
        flight.is_some_and(|flight| flight.core().lend_to_parts(waiter).0)
    }

    fn is_around_here(&self) -> bool {
        let turn = self.address();
        let flight = self.flight.get();
        context::inside_any(|frame| frame.flight == turn)
            || flight.is_some_and(|flight| flight.core().is_around_here())
    }

    /// Whoever waits for it has nothing to look at until it has come.
    fn tell(&self) {}
}
