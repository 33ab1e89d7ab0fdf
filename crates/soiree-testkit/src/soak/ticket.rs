//! The jobs of a soak: each keeps account of itself.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, Weak};

use fastrand::Rng;
use soiree_core::{Job, PanicPayload, Pool, Task};

use super::SoakFault;
use super::actor::Actor;
use super::ledger::{Answer, Ledger, Record, lock};
use super::plan::Manner;

/// What a job holds. Dropped without having been run, it says so.
pub(super) struct Ticket {
    pub(super) record: Arc<Record>,
    pub(super) ledger: Arc<Ledger>,
    /// Weak, as a job in a queue must not keep its pool alive.
    pub(super) pool: Weak<dyn Pool>,
    pub(super) was_run: bool,
}

/// Panics as it is dropped.
struct Grenade;

/// A job that is not a closure.
struct Shared(Mutex<Option<Ticket>>);

impl Ticket {
    pub(super) fn into_job(self) -> Job {
        let plan = self.record.plan;
        if plan.is_task {
            return Job::from_task(Arc::new(Shared(Mutex::new(Some(self)))));
        }
        if plan.manner == Manner::PanicsInDrop {
            let grenade = Grenade;
            return Job::new(move || {
                // Moved in, to go off as the closure ends or is dropped.
                let _grenade = grenade;
                self.run();
            });
        }
        Job::new(move || self.run())
    }

    fn run(mut self) {
        self.was_run = true;
        let plan = self.record.plan;
        let inside = self.ledger.begin(&self.record);
        plan.work.perform();
        if self.record.answer() != Answer::Rejected {
            self.act();
        }
        self.ledger.finish(&self.record);
        drop(inside);
        // Without a call to the panic hook, which would print each of them.
        match plan.manner {
            Manner::Panics => resume_unwind(Box::new("as planned")),
            Manner::PanicsTwice => resume_unwind(Box::new(Grenade)),
            Manner::Quiet | Manner::PanicsInDrop => {}
        }
    }

    fn act(&self) {
        let plan = self.record.plan;
        if plan.nested.is_none() && plan.ends.is_none() {
            return;
        }
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let rng = Rng::with_seed(plan.nested.unwrap_or(0));
        let mut actor = Actor::nested(&self.ledger, pool, rng, plan.depth + 1);
        let acts = || {
            if let Some(seed) = plan.nested {
                for _ in 0..1 + seed % 2 {
                    actor.act();
                }
            }
            if let Some(end) = plan.ends {
                actor.end_from_job(end);
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(acts)) {
            self.ledger.fail(SoakFault::Panicked {
                operation: actor.doing(),
                message: PanicPayload::new(payload).message().into(),
            });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.was_run {
            self.ledger.drop_unrun(&self.record);
        }
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Without an allocation: core cannot but forget what a payload panics with as it is dropped.
            resume_unwind(Box::new(()));
        }
    }
}

impl Task for Shared {
    fn run(self: Arc<Self>) {
        let ticket = lock(&self.0).take();
        if let Some(ticket) = ticket {
            ticket.run();
        }
    }

    fn discarded(self: Arc<Self>) {
        let ticket = lock(&self.0).take();
        drop(ticket);
    }
}
