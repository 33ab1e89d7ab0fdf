//! How jobs run, and how the pool ends.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use soiree_core::panic::contained;
use soiree_core::{DrainTimeout, Job, JobOutcome, WorkerGuard};

use crate::executor::Executor;
use crate::permit::{PermitSource, StartedJob};
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state::{Phase, QueuedJob, State};
use crate::submit::SendPermitError;

impl<E: Executor> PermitSource for Shared<E> {
    fn run_next_job(self: Arc<Self>, permit: Seq) {
        let _entered = self.worker_context.enter_worker();
        let mut state = self.lock();
        if state.permits.take(permit) {
            self.run_worker(state);
        }
    }

    fn start_next_job(self: Arc<Self>, permit: Seq) -> Option<StartedJob> {
        let mut state = self.lock();
        if !state.permits.take(permit) {
            return None;
        }
        let Some(job) = state.start_next_job() else {
            self.try_terminate(state);
            return None;
        };
        let cancellation = job.is_future().then(|| state.future_started(permit));
        drop(state);
        Some(StartedJob::new(self, permit, job, cancellation))
    }

    fn permit_dropped(self: Arc<Self>, permit: Seq) {
        let mut state = self.lock();
        if !state.permits.dropped(permit) {
            return;
        }
        drop(state);
        self.executor_ended();
    }

    fn run_started_job(self: Arc<Self>, permit: Seq, job: Job) {
        let outcome = self.run_job(job);
        let state = self.end_active_job(Some(permit), Some(&outcome));
        if let Some(state) = self.send_next_permit(state, Some(outcome)) {
            self.run_worker(state);
        }
    }

    fn started_job_ended(self: Arc<Self>, permit: Seq, outcome: Option<JobOutcome>) {
        if let Some(outcome) = &outcome {
            self.report_panic(outcome);
        }
        let state = self.end_active_job(Some(permit), outcome.as_ref());
        if let Some(state) = self.send_next_permit(state, outcome) {
            self.run_worker(state);
        }
    }

    fn enter_worker(&self) -> WorkerGuard {
        self.worker_context.enter_worker()
    }
}

impl<E: Executor> Shared<E> {
    /// Runs the next job, then sends a permit for the one after it. As long as that fails, runs jobs on this thread.
    pub(crate) fn run_worker<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State<E>>) {
        while let Some(job) = state.start_next_job() {
            drop(state);
            let (after, outcome) = self.run_active_job(job);
            match self.send_next_permit(after, Some(outcome)) {
                Some(locked) => state = locked,
                None => return,
            }
        }
        self.try_terminate(state);
    }

    /// Sends a permit for the next job after one has ended. Returns the state if that fails, and this thread must run the job.
    fn send_next_permit<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State<E>>,
        ended: Option<JobOutcome>,
    ) -> Option<MutexGuard<'a, State<E>>> {
        let Some((permit, executor)) = state.new_permit() else {
            self.try_terminate(state);
            return None;
        };
        drop(state);
        // A panic payload, whose drop is user code.
        drop(ended);
        match self.send_permit(permit, &executor) {
            Ok(()) => None,
            Err(SendPermitError::Dropped) => {
                self.executor_ended();
                None
            }
            Err(SendPermitError::Failed(_)) => {
                drop(executor);
                Some(self.lock())
            }
        }
    }

    /// Runs a job that counts as active, and counts its outcome. The caller must drop the outcome after it has released the lock.
    fn run_active_job(&self, job: Job) -> (MutexGuard<'_, State<E>>, JobOutcome) {
        let outcome = self.run_job(job);
        (self.end_active_job(None, Some(&outcome)), outcome)
    }

    /// Counts how an active job ended. The outcome is `None` if the job was dropped.
    fn end_active_job(
        &self,
        permit: Option<Seq>,
        outcome: Option<&JobOutcome>,
    ) -> MutexGuard<'_, State<E>> {
        let mut state = self.lock();
        state.active -= 1;
        if let Some(permit) = permit {
            state.future_ended(permit);
        }
        match outcome {
            Some(outcome) => state.counters.record_ended(outcome),
            None => state.counters.record_discarded(1),
        }
        if state.blocked > 0 {
            self.not_full.notify_one();
        }
        state
    }

    /// The executor has dropped a permit. Discards the queue, unless another permit or an active job is left: the last of them
    /// finds out the same when it sends the next permit.
    pub(crate) fn executor_ended(&self) {
        let mut state = self.lock();
        let discarded = if state.has_workers() {
            VecDeque::new()
        } else {
            state.discard_queue()
        };
        self.not_full.notify_all();
        self.try_terminate(state);
        drop(discarded);
    }

    /// Runs a job, and calls the panic handler if it panics.
    pub(crate) fn run_job(&self, job: Job) -> JobOutcome {
        let outcome = job.run();
        self.report_panic(&outcome);
        outcome
    }

    fn report_panic(&self, outcome: &JobOutcome) {
        let (JobOutcome::Panicked(payload), Some(handler)) =
            (outcome, self.options.get_panic_handler())
        else {
            return;
        };
        contained(|| handler(payload));
    }

    /// If the pool is closed: drops the executor once nothing is left to do, and wakes releases to look.
    pub(crate) fn try_terminate(&self, mut state: MutexGuard<'_, State<E>>) {
        if state.phase == Phase::Running {
            return;
        }
        let executor = state.is_idle().then(|| state.executor.take()).flatten();
        drop(state);
        self.termination.notify_all();
        contained(move || drop(executor));
    }

    /// Rejects new jobs from now on.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.phase = state.phase.max(Phase::Draining);
        self.not_full.notify_all();
        self.try_terminate(state);
    }

    pub(crate) fn stop(&self) {
        drop(self.close_and_discard());
    }

    /// Rejects new jobs from now on, and returns those that waited, which count as discarded.
    fn close_and_discard(&self) -> VecDeque<QueuedJob> {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        let discarded = state.discard_queue();
        state.permits.clear();
        self.not_full.notify_all();
        self.try_terminate(state);
        discarded
    }

    pub(crate) fn release_until(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.close();
        if self.await_termination(deadline) {
            return Ok(());
        }
        let discarded = self.close_and_discard();
        let count = discarded.len();
        drop(discarded);
        let state = self.lock();
        let active = (state.active + state.inline).saturating_sub(self.worker_context.depth());
        if active == 0 && count == 0 {
            return Ok(());
        }
        let in_flight = state.all_in_flight();
        drop(state);
        for future in in_flight {
            future.cancel();
        }
        Err(DrainTimeout::new(active, count))
    }

    /// Waits until all jobs have ended; returns `false` at the deadline. A worker does not wait for workers that wait here too.
    fn await_termination(&self, deadline: Instant) -> bool {
        let own_depth = self.worker_context.worker_depth();
        let is_worker = own_depth > 0;
        if !is_worker && self.on_worker() {
            self.help();
        }
        let mut state = self.lock();
        if is_worker {
            state.releasing += own_depth;
            self.termination.notify_all();
        }
        let ended = loop {
            state.forget_unneeded_permits();
            let ended = if is_worker {
                state.workers() <= state.releasing
            } else {
                state.is_idle()
            };
            if ended {
                break true;
            }
            let Some(timeout) = deadline.checked_duration_since(Instant::now()) else {
                break false;
            };
            let waited = self.termination.wait_timeout(state, timeout);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        if is_worker {
            state.releasing -= own_depth;
        }
        self.try_terminate(state);
        ended
    }

    /// Runs the waiting jobs on this thread, which the permits need and which is about to wait for them.
    fn help(&self) {
        let _entered = self.worker_context.enter_worker();
        let mut state = self.lock();
        while let Some(job) = state.start_next_job() {
            drop(state);
            let (after, outcome) = self.run_active_job(job);
            drop(after);
            drop(outcome);
            state = self.lock();
        }
    }

    /// Sets the worker limit, and sends permits for the jobs that may start under it.
    pub(crate) fn set_max_workers(self: &Arc<Self>, max_workers: usize) {
        self.lock().max_workers = max_workers;
        self.not_full.notify_all();
        loop {
            let next = self.lock().new_permit();
            let Some((permit, executor)) = next else {
                return;
            };
            let sent = self.send_permit(permit, &executor);
            if let Err(SendPermitError::Dropped) = sent {
                return self.executor_ended();
            }
            if sent.is_err() {
                // Workers go on with the waiting jobs. If none is left, they run here.
                let state = self.lock();
                if !state.has_workers() {
                    let _entered = self.worker_context.enter_worker();
                    self.run_worker(state);
                }
                return;
            }
        }
    }
}
