//! What a manual pool does as a `Pool`.

use std::time::Instant;

use soiree_core::{
    DrainTimeout, Job, JobId, JobOutcome, MAX_WORKERS, Pool, PoolStats, Reservation, SubmitError,
    SubmitErrorReason, WorkerCheck,
};

use super::{ManualPool, State};

impl Pool for ManualPool {
    /// Like [`try_submit`](Pool::try_submit): a full queue rejects the job, whatever thread submits it.
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.try_submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.accept(self.lock(), job)
    }

    fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.closed {
            return Err(Self::reject(state, job, SubmitErrorReason::Closed));
        }
        state.requeued.push_back(job);
        self.fill_queue(&mut state);
        Ok(())
    }

    fn run_queued(&self, id: JobId) -> bool {
        let Some(entered) = self.shared.context.enter_inline() else {
            return false;
        };
        let mut state = self.lock();
        let mut take = |of_queue: bool| {
            let jobs = match of_queue {
                true => &mut state.queue,
                false => &mut state.requeued,
            };
            let index = jobs.iter().rposition(|job| job.id() == Some(id))?;
            jobs.remove(index)
        };
        let Some(job) = take(true).or_else(|| take(false)) else {
            return false;
        };
        self.fill_queue(&mut state);
        drop(self.run_job(state, job, entered, 0));
        true
    }

    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        let mut state = self.lock();
        if let Some(reason) = self.why_no_place(&state) {
            return Err(reason);
        }
        state.reserved += 1;
        Ok(Reservation::kept_by(&self.shared))
    }

    fn reserves_places(&self) -> bool {
        self.shared.capacity > 0
    }

    fn stop(&self) {
        drop(self.stop_and_take_jobs());
    }

    fn stop_and_take_jobs(&self) -> Vec<Job> {
        self.lock().closed = true;
        self.take_all()
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn wait_idle(&self, deadline: Instant) -> bool {
        let unended = |state: &State| state.active + state.queue.len() + state.requeued.len();
        !self.on_worker() && self.wait_for(deadline, unended) == 0
    }

    /// Runs waiting jobs on the calling thread until the deadline, then blocks until the jobs on other threads have ended, at
    /// most until the deadline as well. Jobs that still wait then are discarded.
    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.lock().closed = true;
        while Instant::now() < deadline && self.run_next() {}
        let active = self.wait_for(deadline, |state| state.active);
        match (active, self.take_all().len()) {
            (0, 0) => Ok(()),
            (active, discarded) => Err(DrainTimeout::new(active, discarded)),
        }
    }

    fn stats(&self) -> PoolStats {
        let state = self.lock();
        let mut stats = state.counters;
        stats.running = state.workers;
        stats.active = state.active;
        stats.waiting = state.queue.len();
        stats.requeued = state.requeued.len();
        stats.reserved = state.reserved;
        stats.capacity = self.shared.capacity;
        stats.max_workers = MAX_WORKERS;
        let ended = stats.completed() + stats.expired + stats.discarded;
        stats.submitted = ended + (stats.active + stats.waiting) as u64;
        stats
    }

    fn on_worker(&self) -> bool {
        self.shared.context.depth() > 0
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        Some(self.shared.context.worker_check())
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let entered = self.shared.context.enter_inline();
        let state = self.lock();
        if state.closed {
            return Err(Self::reject(state, job, SubmitErrorReason::Closed));
        }
        let Some(entered) = entered else {
            let depth = self.shared.context.depth();
            let reason = SubmitErrorReason::RecursionLimit { depth };
            return Err(Self::reject(state, job, reason));
        };
        Ok(self.run_job(state, job, entered, 0).into_outcome())
    }
}
