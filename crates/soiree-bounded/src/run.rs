//! How jobs run, and what happens when one has ended.

use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::{EndedJob, Job, JobOutcome, WorkerGuard};

use crate::executor::Executor;
use crate::permit::{PermitSource, StartedJob, StartedWork};
use crate::send::SendPermitError;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state::State;
use crate::state_guard::StateGuard;

impl<E: Executor> PermitSource for Shared<E> {
    fn polls_futures(&self) -> bool {
        self.polls_futures
    }

    fn run_next_job(self: Arc<Self>, permit: Seq) {
        let _entered = self.worker_context.enter_worker();
        let mut state = self.lock();
        if !state.permits.take(permit) {
            return;
        }
        match state.start_next_job() {
            Some(job) => {
                drop(state);
                self.run_jobs(job.job);
            }
            None => self.permit_found_no_job(state),
        }
    }

    fn start_next_job(self: Arc<Self>, permit: Seq) -> Option<StartedJob> {
        let mut state = self.lock();
        if !state.permits.take(permit) {
            return None;
        }
        let Some(job) = state.start_next_job() else {
            self.permit_found_no_job(state);
            return None;
        };
        let work = match job.is_future {
            true => StartedWork::Future(state.future_started(permit, job.job)),
            false => StartedWork::Job(job.job),
        };
        drop(state);
        Some(StartedJob::new(self, permit, work))
    }

    fn permit_dropped(self: Arc<Self>, permit: Seq) {
        let must_act = self.lock().permits.dropped(permit);
        if must_act {
            self.executor_ended();
        }
    }

    fn run_started_job(self: Arc<Self>, permit: Seq, job: Job) {
        let ended = self.run_job(job);
        let state = self.end_active_job(Some(permit), Some(ended.outcome()));
        if let Some(state) = self.send_next_permits(state, Some(ended)) {
            self.run_rest(state);
        }
    }

    fn started_job_ended(self: Arc<Self>, permit: Seq, ended: EndedJob) {
        self.report_panic(ended.outcome());
        let state = self.end_active_job(Some(permit), Some(ended.outcome()));
        if let Some(state) = self.send_next_permits(state, Some(ended)) {
            self.run_rest(state);
        }
    }

    fn started_job_dropped(self: Arc<Self>, permit: Seq, dropped: Option<EndedJob>) {
        let state = self.end_active_job(Some(permit), None);
        if let Some(state) = self.send_next_permits(state, dropped) {
            self.run_rest(state);
        }
    }

    fn enter_worker(&self) -> WorkerGuard {
        self.worker_context.enter_worker()
    }
}

impl<E: Executor> Shared<E> {
    /// Runs the job, then sends permits for the jobs after it. As long as that fails, runs them on this thread.
    fn run_jobs(self: &Arc<Self>, mut job: Job) {
        loop {
            let ended = self.run_job(job);
            let state = self.end_active_job(None, Some(ended.outcome()));
            let Some(mut state) = self.send_next_permits(state, Some(ended)) else {
                return;
            };
            match self.start_here(&mut state) {
                Some(next) => job = next,
                None => return self.no_worker(state),
            }
        }
    }

    /// Runs the jobs on this thread that a permit could not be sent for.
    pub(crate) fn run_rest(self: &Arc<Self>, mut state: StateGuard<'_, E>) {
        match self.start_here(&mut state) {
            Some(job) => {
                drop(state);
                self.run_jobs(job);
            }
            None => self.no_worker(state),
        }
    }

    /// Starts the next job, unless it is a future, which would hold this thread until its end.
    pub(crate) fn start_here(&self, state: &mut State<E>) -> Option<Job> {
        if self.polls_futures && state.line.starts_with_future() {
            return None;
        }
        Some(state.start_next_job()?.job)
    }

    /// Sends permits for the next jobs after one has ended. Returns the state if that fails, and this thread must run a job.
    ///
    /// Drops `ended` once the pool is unlocked: that wakes the thread that waits for the job, and may drop a panic's value.
    fn send_next_permits<'a>(
        self: &'a Arc<Self>,
        mut state: StateGuard<'a, E>,
        mut ended: Option<EndedJob>,
    ) -> Option<StateGuard<'a, E>> {
        if self.polls_futures {
            drop(state);
            drop(ended);
            return match self.dispatch(self.lock()) {
                Ok(state) => {
                    self.look_for_end(state);
                    None
                }
                Err(SendPermitError::ExecutorEnded) => {
                    self.executor_ended();
                    None
                }
                Err(SendPermitError::Failed(_)) => Some(self.lock()),
            };
        }
        state.admit(true);
        loop {
            let Some((permit, executor)) = state.new_permit(false) else {
                state.record_peaks();
                self.look_for_end(state);
                drop(ended);
                return None;
            };
            drop(state);
            drop(ended.take());
            let (locked, sent) = self.send_permit(permit, executor);
            state = locked;
            match sent {
                Ok(()) => {}
                Err(SendPermitError::ExecutorEnded) => {
                    drop(state);
                    self.executor_ended();
                    return None;
                }
                Err(SendPermitError::Failed(_)) => return Some(state),
            }
        }
    }

    /// Counts how an active job ended. The outcome is `None` if the job was dropped.
    pub(crate) fn end_active_job(
        &self,
        permit: Option<Seq>,
        outcome: Option<&JobOutcome>,
    ) -> StateGuard<'_, E> {
        let mut state = self.lock();
        state.active -= 1;
        if let Some(permit) = permit {
            state.future_ended(permit);
        }
        match outcome {
            Some(outcome) => state.counters.record_ended(outcome),
            None => state.counters.record_discarded(1),
        }
        state
    }

    /// Counts how a job ended that ran without a permit.
    pub(crate) fn end_inline_job(&self, outcome: &JobOutcome) {
        let mut state = self.lock();
        state.inline -= 1;
        state.counters.record_ended(outcome);
        self.look_for_end(state);
    }

    /// A permit was used while the queue was empty, or the limit reached. If it was the last one, nobody else looks at those who
    /// wait.
    fn permit_found_no_job(self: &Arc<Self>, state: StateGuard<'_, E>) {
        match self.dispatch(state) {
            Ok(state) => self.look_for_end(state),
            Err(error) => self.sending_failed(&error),
        }
    }

    /// A permit could not be sent, and this thread does not run the job in its place.
    pub(crate) fn sending_failed(&self, error: &SendPermitError) {
        match error {
            SendPermitError::ExecutorEnded => self.executor_ended(),
            SendPermitError::Failed(_) => self.no_worker(self.lock()),
        }
    }

    /// This thread has not sent a permit, and does not run jobs in its place. If the pool has no other worker, what was accepted
    /// waits until somebody calls the pool.
    pub(crate) fn no_worker(&self, mut state: StateGuard<'_, E>) {
        let mut discarded = Vec::new();
        if !state.has_workers() {
            state.line.notify_no_worker();
            if state.is_abandoned {
                discarded = state.discard_all();
            }
        }
        self.look_for_end(state);
        drop(discarded);
    }

    /// The executor has dropped a permit. Discards the queue, unless another permit or an active job is left: the last of them
    /// finds out the same when it sends the next permit.
    pub(crate) fn executor_ended(&self) {
        let mut state = self.lock();
        let mut discarded = Vec::new();
        if !state.has_workers() {
            discarded = state.discard_all();
            state.line.notify_no_worker();
        }
        self.look_for_end(state);
        drop(discarded);
    }

    /// Runs a job, and calls the panic handler if it panics. The caller must count the job before it drops what this returns.
    pub(crate) fn run_job(&self, job: Job) -> EndedJob {
        let ended = job.run_for_pool();
        self.report_panic(ended.outcome());
        ended
    }

    pub(crate) fn report_panic(&self, outcome: &JobOutcome) {
        let (JobOutcome::Panicked(payload), Some(handler)) =
            (outcome, self.options.panic_handler.as_ref())
        else {
            return;
        };
        contained(|| handler(payload));
    }

    /// Sets the worker limit, and sends permits for the jobs that may start under it.
    pub(crate) fn set_max_workers(self: &Arc<Self>, max_workers: usize) {
        let mut state = self.lock();
        state.max_workers = max_workers;
        match self.dispatch(state) {
            Ok(state) => self.look_for_end(state),
            Err(SendPermitError::ExecutorEnded) => self.executor_ended(),
            Err(SendPermitError::Failed(_)) => {
                // Workers go on with the waiting jobs. If none is left, they run here.
                let state = self.lock();
                if !state.has_workers() {
                    let _entered = self.worker_context.enter_worker();
                    self.run_rest(state);
                }
            }
        }
    }
}
