//! Submitting a job, and what happens when the queue is full.

use std::io;
use std::time::{Duration, Instant};

use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::shared::Shared;
use crate::state::{Phase, State};
use crate::sync::{Arc, Backoff, MutexGuard, wait, wait_until};
use crate::worker_permits::WorkerPermit;

/// How long a submitter may wait for room.
#[derive(Clone, Copy)]
enum WaitLimit {
    None,
    Until {
        deadline: Instant,
        timeout: Duration,
    },
    Unlimited,
}

/// How a submitter has to go on with its job.
enum Admission {
    /// There is room in the queue.
    Enqueue,
    /// Start a worker first, then try again.
    Spawn(WorkerPermit),
    /// There is neither room nor a permit.
    Full,
    Rejected(Reason),
}

impl Shared {
    /// Submits a job, and follows the overflow policy if the queue is full.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let inside_job = self.worker_context.depth() > 0;
        let wait_limit = match self.overflow {
            Overflow::Block if !inside_job => WaitLimit::Unlimited,
            Overflow::BlockFor(timeout) if !inside_job => match Instant::now().checked_add(timeout)
            {
                Some(deadline) => WaitLimit::Until { deadline, timeout },
                None => WaitLimit::Unlimited,
            },
            _ => WaitLimit::None,
        };
        let may_run_inline = inside_job || self.overflow == Overflow::CallerRuns;
        self.submit_with(job, wait_limit, may_run_inline)
    }

    /// As [`submit`](Self::submit), but rejects the job where that would block.
    pub(crate) fn submit_now(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let may_run_inline =
            self.worker_context.depth() > 0 || self.overflow == Overflow::CallerRuns;
        self.submit_with(job, WaitLimit::None, may_run_inline)
    }

    /// Submits a job if there is room, or the overflow policy makes room. Never blocks, never runs the job inline.
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

    /// Decides how the submitter goes on. After a failed start, with its `spawn_error`, it starts no other worker.
    fn admit(&self, state: &mut State, spawn_error: &mut Option<io::Error>) -> Admission {
        if state.phase != Phase::Running {
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

    /// Queues a job. The caller has made sure that there is room.
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

    /// Blocks until there may be room. Returns the timeout if it has passed.
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wait_limit: WaitLimit,
    ) -> (MutexGuard<'a, State>, Option<Duration>) {
        state.blocked += 1;
        let mut timed_out = None;
        match wait_limit {
            WaitLimit::Until { deadline, timeout } => {
                let passed;
                (state, passed) = wait_until(&self.state, &self.not_full, state, deadline);
                timed_out = passed.then_some(timeout);
            }
            _ => state = wait(&self.not_full, state),
        }
        state.blocked -= 1;
        (state, timed_out)
    }

    /// Runs the job on this thread, unless the pool is closed or too many jobs run inside one another here.
    pub(crate) fn submit_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let Some(guard) = self.worker_context.enter_inline() else {
            let depth = self.worker_context.depth();
            return Err(self.reject(job, Reason::RecursionLimit { depth }));
        };
        let state = self.lock();
        if state.phase != Phase::Running {
            drop(state);
            return Err(self.reject(job, Reason::Closed));
        }
        self.counters.record_accepted();
        self.counters.record_started_off_worker();
        drop(state);
        Ok(self.run_off_worker(job, guard))
    }

    fn reject(&self, job: Job, reason: Reason) -> SubmitError {
        self.counters.record_rejected();
        SubmitError::new(job, reason)
    }
}
