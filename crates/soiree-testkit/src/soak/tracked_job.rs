//! The jobs of a soak, which record what happens to them.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, Weak};

use soiree_core::{Job, Pool, Task};

use super::ledger::{JobRecord, Ledger, SubmitResult, lock};
use super::plan::{PanicMode, Plan};

/// A job before it runs. Records its drop if it never ran.
pub(super) struct TrackedJob {
    pub(super) record: Arc<JobRecord>,
    pub(super) ledger: Arc<Ledger>,
    /// Weak: a queued job must not keep its pool alive.
    pub(super) pool: Weak<dyn Pool>,
    /// Calls the job's own pool as the plan says.
    pub(super) call_pool: fn(&Arc<Ledger>, Arc<dyn Pool>, Plan),
    pub(super) was_run: bool,
}

/// Panics when dropped.
struct PanicOnDrop;

/// A job as a `Task`.
struct SharedJob(Mutex<Option<TrackedJob>>);

impl TrackedJob {
    pub(super) fn into_job(self) -> Job {
        let plan = self.record.plan;
        if plan.is_task {
            return Job::from_task(Arc::new(SharedJob(Mutex::new(Some(self)))));
        }
        if plan.panic_mode == PanicMode::OnDrop {
            let guard = PanicOnDrop;
            return Job::new(move || {
                // Moved into the closure, so that it is dropped with it, whether the closure ran or not.
                let _guard = guard;
                self.run();
            });
        }
        Job::new(move || self.run())
    }

    fn run(mut self) {
        self.was_run = true;
        let plan = self.record.plan;
        let running = self.ledger.start_job(&self.record);
        plan.work.perform();
        if self.record.submit_result() != SubmitResult::Rejected {
            self.call_own_pool();
        }
        self.ledger.finish_job(&self.record);
        drop(running);
        // `resume_unwind` does not call the panic hook, which would print every panic.
        match plan.panic_mode {
            PanicMode::WhileRunning => resume_unwind(Box::new("as planned")),
            PanicMode::WhileRunningAndOnDrop => resume_unwind(Box::new(PanicOnDrop)),
            PanicMode::Never | PanicMode::OnDrop => {}
        }
    }

    fn call_own_pool(&self) {
        let plan = self.record.plan;
        if plan.nested.is_none() && plan.closes_pool.is_none() {
            return;
        }
        if let Some(pool) = self.pool.upgrade() {
            (self.call_pool)(&self.ledger, pool, plan);
        }
    }
}

impl Drop for TrackedJob {
    fn drop(&mut self) {
        if !self.was_run {
            self.ledger.drop_job(&self.record);
        }
    }
}

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // A payload without allocation: core has to leak the payload of a panic in a payload's drop.
            resume_unwind(Box::new(()));
        }
    }
}

impl Task for SharedJob {
    fn run(self: Arc<Self>) {
        let tracked_job = lock(&self.0).take();
        if let Some(tracked_job) = tracked_job {
            tracked_job.run();
        }
    }

    fn discarded(self: Arc<Self>) {
        let tracked_job = lock(&self.0).take();
        drop(tracked_job);
    }
}
