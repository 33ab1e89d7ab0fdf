//! The jobs of a soak: each keeps account of itself.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, Weak};

use soiree_core::{Job, Pool, Task};

use super::ledger::{Answer, Ledger, Record, lock};
use super::plan::{Manner, Plan};

/// What a job holds. Dropped without having been run, it says so.
pub(super) struct Ticket {
    pub(super) record: Arc<Record>,
    pub(super) ledger: Arc<Ledger>,
    /// Weak, as a job in a queue must not keep its pool alive.
    pub(super) pool: Weak<dyn Pool>,
    /// Calls the job's own pool, as the plan says.
    pub(super) call_pool: fn(&Arc<Ledger>, Arc<dyn Pool>, Plan),
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
            self.call_own_pool();
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

    fn call_own_pool(&self) {
        let plan = self.record.plan;
        if plan.nested.is_none() && plan.ends.is_none() {
            return;
        }
        if let Some(pool) = self.pool.upgrade() {
            (self.call_pool)(&self.ledger, pool, plan);
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
