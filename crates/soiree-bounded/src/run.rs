//! Running jobs, and ending.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use soiree_core::panic::contained;
use soiree_core::{DrainTimeout, Job, JobOutcome, WorkerGuard};

use crate::executor::Executor;
use crate::permit::{PermitSource, StartedJob};
use crate::shared::Shared;
use crate::state::{Phase, Queued, State};
use crate::submit::NotExecuted;

impl<E: Executor> PermitSource for Shared<E> {
    fn take(self: Arc<Self>, permit: u64) {
        let _entered = self.nesting.enter_worker();
        let mut state = self.lock();
        // The pool has given up on a permit that it does not know.
        if state.permit_used(permit) {
            self.work(state);
        }
    }

    fn permit_dropped_by_executor(self: Arc<Self>, permit: u64) {
        let mut state = self.lock();
        if !state.permit_dropped(permit) {
            return;
        }
        drop(state);
        self.executor_gone();
    }

    fn start(self: Arc<Self>, permit: u64) -> Option<StartedJob> {
        let mut state = self.lock();
        if !state.permit_used(permit) {
            return None;
        }
        let Some(job) = state.begin() else {
            self.try_terminate(state);
            return None;
        };
        let cancel = job.is_future().then(|| state.in_flight(permit));
        drop(state);
        Some(StartedJob::new(self, permit, job, cancel))
    }

    fn run_job(self: Arc<Self>, permit: u64, job: Job) {
        let outcome = self.run(job);
        let state = self.end_started(Some(permit), Some(&outcome));
        if let Some(state) = self.start_next(state, Some(outcome)) {
            self.work(state);
        }
    }

    fn ended(self: Arc<Self>, permit: u64, outcome: Option<JobOutcome>) {
        if let Some(outcome) = &outcome {
            self.report_panic(outcome);
        }
        let state = self.end_started(Some(permit), outcome.as_ref());
        if let Some(state) = self.start_next(state, outcome) {
            self.work(state);
        }
    }

    fn enter(&self) -> WorkerGuard {
        self.nesting.enter_worker()
    }
}

impl<E: Executor> Shared<E> {
    /// Runs a job, and then the next on another permit; on this thread if that cannot be had.
    pub(crate) fn work<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State<E>>) {
        while let Some(job) = state.begin() {
            drop(state);
            let (ended, outcome) = self.run_started(job);
            match self.start_next(ended, Some(outcome)) {
                Some(here) => state = here,
                None => return,
            }
        }
        self.try_terminate(state);
    }

    /// Sends a permit for the next job, now that another has ended. Gives the state back if this thread has to take it.
    fn start_next<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State<E>>,
        ended: Option<JobOutcome>,
    ) -> Option<MutexGuard<'a, State<E>>> {
        let Some((permit, executor)) = state.new_permit() else {
            self.try_terminate(state);
            return None;
        };
        drop(state);
        drop(ended);
        match self.send(permit, &executor) {
            Ok(()) => None,
            Err(NotExecuted::Dropped) => {
                self.executor_gone();
                None
            }
            Err(NotExecuted::Failed(_)) => {
                drop(executor);
                Some(self.lock())
            }
        }
    }

    /// Runs a job that was counted as active, and counts how it ended. What it panicked with is to be dropped without the lock.
    fn run_started(&self, job: Job) -> (MutexGuard<'_, State<E>>, JobOutcome) {
        let outcome = self.run(job);
        (self.end_started(None, Some(&outcome)), outcome)
    }

    /// Counts how a job ended that was counted as active; without an outcome it was dropped.
    fn end_started(
        &self,
        permit: Option<u64>,
        outcome: Option<&JobOutcome>,
    ) -> MutexGuard<'_, State<E>> {
        let mut state = self.lock();
        state.active -= 1;
        if let Some(permit) = permit {
            state.future_ended(permit);
        }
        match outcome {
            Some(outcome) => state.count(outcome),
            None => state.discarded += 1,
        }
        if state.blocked > 0 {
            self.place.notify_one();
        }
        state
    }

    /// The executor drops permits. What waits is discarded, unless there is a permit yet to come or a job that runs, of which the
    /// last will find out the same.
    pub(crate) fn executor_gone(&self) {
        let mut state = self.lock();
        let left = if state.has_workers() {
            VecDeque::new()
        } else {
            state.discard_all()
        };
        self.place.notify_all();
        self.try_terminate(state);
        drop(left);
    }

    /// Runs a job, and tells of its panic.
    pub(crate) fn run(&self, job: Job) -> JobOutcome {
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

    /// Lets the executor go when there is nothing more to do, and wakes those who wait for that.
    pub(crate) fn try_terminate(&self, mut state: MutexGuard<'_, State<E>>) {
        if state.phase == Phase::Running {
            return;
        }
        let executor = state.is_idle().then(|| state.executor.take()).flatten();
        drop(state);
        self.left.notify_all();
        contained(move || drop(executor));
    }

    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.phase = state.phase.max(Phase::Draining);
        self.place.notify_all();
        self.try_terminate(state);
    }

    pub(crate) fn stop(&self) {
        drop(self.discard());
    }

    /// Takes no more jobs, and hands out those that waited. They are counted as discarded.
    fn discard(&self) -> VecDeque<Queued> {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        let discarded = state.discard_all();
        state.forget_permits();
        self.place.notify_all();
        self.try_terminate(state);
        discarded
    }

    pub(crate) fn release_until(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.close();
        if self.wait_until_ended(deadline) {
            return Ok(());
        }
        let discarded = self.discard();
        let count = discarded.len();
        drop(discarded);
        let state = self.lock();
        let active = (state.active + state.inline).saturating_sub(self.nesting.depth());
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

    /// Whether all ended in time. A worker waits for those alone that do not wait here themselves.
    fn wait_until_ended(&self, deadline: Instant) -> bool {
        let here = self.nesting.worker_depth();
        let on_worker = here > 0;
        if !on_worker && self.is_inside() {
            self.help();
        }
        let mut state = self.lock();
        if on_worker {
            state.releasing += here;
            self.left.notify_all();
        }
        let ended = loop {
            state.forget_unneeded_permits();
            let ended = if on_worker {
                state.at_work() <= state.releasing
            } else {
                state.is_idle()
            };
            if ended {
                break true;
            }
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                break false;
            };
            let waited = self.left.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        if on_worker {
            state.releasing -= here;
        }
        self.try_terminate(state);
        ended
    }

    /// Runs what waits, on a thread that the permits would need and that is about to wait for them.
    fn help(&self) {
        let _entered = self.nesting.enter_worker();
        let mut state = self.lock();
        while let Some(job) = state.begin() {
            drop(state);
            let (ended, outcome) = self.run_started(job);
            drop(ended);
            drop(outcome);
            state = self.lock();
        }
    }

    /// Sets the worker limit, and starts what may start under it.
    pub(crate) fn set_limit(self: &Arc<Self>, limit: usize) {
        self.lock().limit = limit;
        self.place.notify_all();
        loop {
            let next = self.lock().new_permit();
            let Some((permit, executor)) = next else {
                return;
            };
            let sent = self.send(permit, &executor);
            if let Err(NotExecuted::Dropped) = sent {
                return self.executor_gone();
            }
            if sent.is_err() {
                // Those who run jobs go on with what waits; if there are none, it runs here.
                let state = self.lock();
                if !state.has_workers() {
                    let _entered = self.nesting.enter_worker();
                    self.work(state);
                }
                return;
            }
        }
    }
}
