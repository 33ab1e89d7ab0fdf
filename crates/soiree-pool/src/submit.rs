//! How a job gets into the queue, and what happens when there is no place.

use std::io;
use std::time::{Duration, Instant};

use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::shared::Shared;
use crate::state::{Phase, State};
use crate::sync::{Arc, Backoff, MutexGuard, wait, wait_until};
use crate::worker_permits::WorkerPermit;

/// How long to wait for a place.
#[derive(Clone, Copy)]
enum WaitLimit {
    None,
    Until(Instant, Duration),
    Unlimited,
}

/// What to do about a job after a look at the state.
enum Admission {
    /// It has a place.
    Enqueue,
    /// A worker is to be started first.
    Spawn(WorkerPermit),
    /// There is neither a place nor a permit.
    Full,
    Rejected(Reason),
}

impl Shared {
    /// Submits as the overflow policy says.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let inside_job = self.worker_context.depth() > 0;
        let wait_limit = match self.overflow {
            Overflow::Block if !inside_job => WaitLimit::Unlimited,
            Overflow::BlockFor(timeout) if !inside_job => match Instant::now().checked_add(timeout)
            {
                Some(deadline) => WaitLimit::Until(deadline, timeout),
                None => WaitLimit::Unlimited,
            },
            _ => WaitLimit::None,
        };
        let may_run_inline = inside_job || self.overflow == Overflow::CallerRuns;
        self.submit_with(job, wait_limit, may_run_inline)
    }

    /// Submits as the overflow policy says, where it does not say to wait.
    pub(crate) fn submit_now(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let may_run_inline =
            self.worker_context.depth() > 0 || self.overflow == Overflow::CallerRuns;
        self.submit_with(job, WaitLimit::None, may_run_inline)
    }

    /// Submits if there is a place right now, or can be made.
    pub(crate) fn try_submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, WaitLimit::None, false)
    }

    fn submit_with(
        self: &Arc<Self>,
        job: Job,
        wait_limit: WaitLimit,
        may_run_inline: bool,
    ) -> Result<(), SubmitError> {
        let mut spawn_error = None;
        let mut timed_out = None;
        let backoff = Backoff::new();
        let mut state = self.lock();
        loop {
            match self.admit(&mut state, &mut spawn_error) {
                Admission::Enqueue => {
                    self.enqueue(state, job);
                    return Ok(());
                }
                Admission::Spawn(permit) => {
                    drop(state);
                    spawn_error = self.spawn_worker(permit).err();
                    state = self.lock();
                    continue;
                }
                Admission::Rejected(reason) => {
                    drop(state);
                    return Err(self.reject(job, reason));
                }
                Admission::Full => {}
            }
            match (self.overflow, wait_limit) {
                (Overflow::DropOldest, _) if self.capacity > 0 => {
                    let oldest = state.jobs.try_recv();
                    self.enqueue(state, job);
                    if let Some(oldest) = oldest {
                        self.discard(oldest);
                    }
                    return Ok(());
                }
                (Overflow::Reject | Overflow::DropOldest, _) | (_, WaitLimit::None) => break,
                _ => {}
            }
            if let Some(waited) = timed_out {
                drop(state);
                return Err(self.reject(job, Reason::TimedOut { waited }));
            }
            if !backoff.is_completed() {
                drop(state);
                backoff.snooze();
                state = self.lock();
                continue;
            }
            (state, timed_out) = self.wait_for_room(state, wait_limit);
        }
        drop(state);
        if may_run_inline && !matches!(self.overflow, Overflow::Reject | Overflow::DropOldest) {
            return self.submit_inline(job).map(drop);
        }
        let capacity = self.capacity;
        Err(self.reject(job, Reason::Full { capacity }))
    }

    fn admit(&self, state: &mut State, spawn_error: &mut Option<io::Error>) -> Admission {
        if state.phase != Phase::Open {
            return Admission::Rejected(Reason::Closed);
        }
        if state.permits.live() > 0 && state.has_room() {
            return Admission::Enqueue;
        }
        if spawn_error.is_none() {
            if let Some(permit) = state.permits.try_acquire() {
                self.publish_all(state);
                return Admission::Spawn(permit);
            }
        }
        match spawn_error.take() {
            Some(error) if state.permits.live() == 0 => Admission::Rejected(Reason::Spawn(error)),
            error => {
                *spawn_error = error;
                Admission::Full
            }
        }
    }

    /// Queues a job for which there is a place.
    fn enqueue(self: &Arc<Self>, mut state: MutexGuard<'_, State>, job: Job) {
        state.jobs.send(job);
        self.counters.record_accepted();
        self.publish(&state);
        let load = state.permits.is_available().then(|| state.load());
        self.unlock_and_notify(state);
        if let Some(load) = load {
            self.grow_if_wanted(&load);
        }
    }

    /// Waits until there may be a place, and says if it has waited for too long.
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wait_limit: WaitLimit,
    ) -> (MutexGuard<'a, State>, Option<Duration>) {
        state.blocked += 1;
        let mut timed_out = None;
        match wait_limit {
            WaitLimit::Until(deadline, waited) => {
                let passed;
                (state, passed) = wait_until(&self.state, &self.not_full, state, deadline);
                timed_out = passed.then_some(waited);
            }
            _ => state = wait(&self.not_full, state),
        }
        state.blocked -= 1;
        (state, timed_out)
    }

    /// Runs the job on this thread, if not too many run inside one another here.
    pub(crate) fn submit_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let Some(entered) = self.worker_context.enter_inline() else {
            let depth = self.worker_context.depth();
            return Err(self.reject(job, Reason::TooDeep { depth }));
        };
        let state = self.lock();
        if state.phase != Phase::Open {
            drop(state);
            return Err(self.reject(job, Reason::Closed));
        }
        self.counters.record_accepted();
        self.counters.record_started_off_worker();
        drop(state);
        Ok(self.run_off_worker(job, entered))
    }

    fn reject(&self, job: Job, reason: Reason) -> SubmitError {
        self.counters.record_rejected();
        SubmitError::new(job, reason)
    }
}
