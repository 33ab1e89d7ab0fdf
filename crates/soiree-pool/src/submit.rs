//! Submitting a job, and what happens when the queue is full.

use std::time::{Duration, Instant};

use soiree_core::{EndedJob, Job, JobId, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::shared::Shared;
use crate::spawn::StartError;
use crate::state::{Phase, State};
use crate::sync::{Arc, Backoff, Condvar, MutexGuard, wait, wait_until};
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
pub(crate) enum Admission<'a> {
    /// There is room in the queue.
    Enqueue(MutexGuard<'a, State>),
    /// There is neither room nor a permit.
    Full(MutexGuard<'a, State>),
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

    /// Submits work that was accepted before. Without a place, it waits for one. Never blocks.
    pub(crate) fn requeue(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        match self.admit(self.lock(), None) {
            Admission::Enqueue(state) => self.enqueue(state, job),
            Admission::Full(mut state) => {
                state.waiters.push_requeued(job);
                self.publish_waiters(&state);
            }
            Admission::Rejected(reason) => return Err(self.reject(job, reason)),
        }
        Ok(())
    }

    fn submit_with(
        self: &Arc<Self>,
        job: Job,
        wait_limit: WaitLimit,
        may_run_inline: bool,
    ) -> Result<(), SubmitError> {
        let state = self.lock();
        if state.takes_jobs() {
            self.enqueue(state, job);
            return Ok(());
        }
        let waits = !matches!(wait_limit, WaitLimit::None)
            && !matches!(self.overflow, Overflow::Reject | Overflow::DropOldest);
        match self.admit(state, waits.then(Backoff::new)) {
            Admission::Enqueue(state) => self.enqueue(state, job),
            Admission::Rejected(reason) => return Err(self.reject(job, reason)),
            Admission::Full(state) if waits => return self.wait_for_place(state, job, wait_limit),
            Admission::Full(state)
                if self.overflow == Overflow::DropOldest
                    && self.capacity > 0
                    && !state.jobs.is_empty() =>
            {
                self.replace_oldest(state, job);
            }
            Admission::Full(state) => {
                drop(state);
                let rejects = matches!(self.overflow, Overflow::Reject | Overflow::DropOldest);
                if may_run_inline && !rejects {
                    return self.submit_inline(job).map(drop);
                }
                let capacity = self.capacity;
                return Err(self.reject(job, Reason::Full { capacity }));
            }
        }
        Ok(())
    }

    /// Finds out how a submitter goes on with its job. Starts a worker if that makes room. If there is none, polls until the
    /// backoff is completed, unless others wait already.
    pub(crate) fn admit<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
        backoff: Option<Backoff>,
    ) -> Admission<'a> {
        let mut start_error = None;
        loop {
            if state.takes_jobs() {
                return Admission::Enqueue(state);
            }
            if state.phase != Phase::Running {
                return Admission::Rejected(Reason::Closed);
            }
            // After a failed start, this thread starts no other worker.
            if start_error.is_none() {
                if let Some(permit) = state.permits.try_acquire() {
                    (state, start_error) = self.start_worker(state, permit);
                    continue;
                }
            }
            if state.permits.live() == 0 {
                if let Some(error) = start_error {
                    return Admission::Rejected(Reason::Spawn(error.into_inner()));
                }
            }
            match &backoff {
                Some(backoff) if !backoff.is_completed() && state.waiters.is_empty() => {
                    drop(state);
                    backoff.snooze();
                    state = self.lock();
                }
                _ => return Admission::Full(state),
            }
        }
    }

    /// Starts a worker, and locks the state again.
    pub(crate) fn start_worker<'a>(
        self: &'a Arc<Self>,
        state: MutexGuard<'a, State>,
        permit: WorkerPermit,
    ) -> (MutexGuard<'a, State>, Option<StartError>) {
        let failed_starts = state.failed_starts;
        self.publish_all(&state);
        self.unlock_and_notify(state);
        let mut error = self.spawn_worker(permit).err();
        let state = self.lock();
        if state.permits.live() == 0 && state.failed_starts != failed_starts {
            // Without this, a submitter would go on starting threads that end early.
            error = error.or_else(|| Some(StartError::ended_early()));
        }
        (state, error)
    }

    /// Queues a job. The caller has made sure that there is room.
    pub(crate) fn enqueue(self: &Arc<Self>, mut state: MutexGuard<'_, State>, job: Job) {
        state.jobs.send(job);
        self.counters.record_accepted();
        self.publish(&state);
        let load = state.permits.is_available().then(|| state.load());
        self.unlock_and_notify(state);
        if let Some(load) = load {
            self.grow_if_wanted(&load);
        }
    }

    /// Discards the oldest job, whose place the first waiter gets, or else this job.
    fn replace_oldest(self: &Arc<Self>, mut state: MutexGuard<'_, State>, job: Job) {
        let oldest = state.jobs.try_recv();
        if state.waiters.is_empty() {
            self.enqueue(state, job);
        } else {
            state.waiters.push_requeued(job);
            self.unlock_and_notify(state);
        }
        if let Some(oldest) = oldest {
            self.discard(oldest);
        }
    }

    /// Blocks until the job has got a place, the pool is closed, or the limit has passed.
    fn wait_for_place<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
        job: Job,
        wait_limit: WaitLimit,
    ) -> Result<(), SubmitError> {
        let accepted = Arc::new(Condvar::new());
        let ticket = state.waiters.push_blocked(job, Arc::clone(&accepted));
        self.publish_waiters(&state);
        let reason = loop {
            let mut timed_out = None;
            match wait_limit {
                WaitLimit::Until { deadline, timeout } => {
                    let passed;
                    (state, passed) = wait_until(&self.state, &accepted, state, deadline);
                    timed_out = passed.then_some(timeout);
                }
                _ => state = wait(&accepted, state),
            }
            if !state.waiters.contains(ticket) {
                break None;
            }
            if state.phase != Phase::Running {
                break Some(Reason::Closed);
            }
            if let Some(waited) = timed_out {
                break Some(Reason::TimedOut { waited });
            }
        };
        let unaccepted = reason.and_then(|reason| Some((state.waiters.take_back(ticket)?, reason)));
        self.unlock_after_leaving(state);
        match unaccepted {
            None => Ok(()),
            Some((job, reason)) => Err(self.reject(job, reason)),
        }
    }

    /// Runs the job on this thread, unless the pool is closed or too many jobs run inside one another here.
    pub(crate) fn submit_inline(&self, job: Job) -> Result<EndedJob, SubmitError> {
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

    /// Takes a job out of the queue, or from those that wait for a place in it, and runs it on this thread. Returns `false` if it
    /// is in neither, or too many jobs run inside one another here.
    pub(crate) fn run_queued(&self, id: JobId) -> bool {
        let Some(guard) = self.worker_context.enter_inline() else {
            return false;
        };
        let mut state = self.lock();
        let job = match state.jobs.take(id) {
            Some(job) => job,
            None => {
                let Some(job) = state.waiters.take_requeued(id) else {
                    return false;
                };
                self.counters.record_accepted();
                self.publish_waiters(&state);
                job
            }
        };
        self.counters.record_started_off_worker();
        self.publish(&state);
        self.unlock_and_notify(state);
        drop(self.run_off_worker(job, guard));
        true
    }

    pub(crate) fn reject(&self, job: Job, reason: Reason) -> SubmitError {
        self.counters.record_rejected();
        SubmitError::new(job, reason)
    }
}
