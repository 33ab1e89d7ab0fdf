//! How a job gets into the queue, and what happens when the queue is full.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::panic::caught;
use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::executor::Executor;
use crate::permit::Permit;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state::{Phase, State};

/// Why a permit was not sent. It is void then.
pub(crate) enum SendPermitError {
    /// The executor cannot run it now.
    Failed(io::Error),
    /// The executor dropped it, so it runs nothing any more.
    Dropped,
}

/// What a submitter does when the queue is full.
#[derive(Clone, Copy, PartialEq)]
enum WhenFull {
    /// What the overflow policy says.
    Policy,
    /// What the overflow policy says, but it never waits.
    PolicyWithoutWaiting,
    /// Drops the oldest job if that is the overflow policy, and rejects the new one otherwise.
    Reject,
}

impl<E: Executor> Shared<E> {
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, WhenFull::Policy)
    }

    pub(crate) fn submit_now(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, WhenFull::PolicyWithoutWaiting)
    }

    pub(crate) fn try_submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, WhenFull::Reject)
    }

    fn submit_with(self: &Arc<Self>, job: Job, when_full: WhenFull) -> Result<(), SubmitError> {
        let capacity = self.options.get_capacity();
        let overflow = self.options.get_overflow();
        let mut deadline = None;
        loop {
            let mut state = self.lock();
            if state.phase > Phase::Running {
                return Err(self.reject(state, job, Reason::Closed));
            }
            if state.has_room(capacity) {
                return self.accept(state, job);
            }
            match overflow {
                Overflow::DropOldest if capacity > 0 => {
                    let oldest = state.pop();
                    state
                        .counters
                        .record_discarded(usize::from(oldest.is_some()));
                    let accepted = self.accept(state, job);
                    drop(oldest);
                    return accepted;
                }
                Overflow::DropOldest | Overflow::Reject => {
                    return Err(self.reject_full(state, job));
                }
                _ if when_full == WhenFull::Reject => return Err(self.reject_full(state, job)),
                Overflow::CallerRuns | Overflow::Block | Overflow::BlockFor(_) => {}
            }
            drop(state);
            let is_in_job = self.worker_context.depth() > 0;
            if overflow == Overflow::CallerRuns || is_in_job {
                // A future would hold this thread until its end.
                return match job.is_future() {
                    true => Err(self.reject_full(self.lock(), job)),
                    false => self.run_inline(job).map(drop),
                };
            }
            // Waiting could block the very thread that has to make room, and running the job would exceed the limit.
            if self.on_worker() {
                return Err(self.reject_full(self.lock(), job));
            }
            state = self.lock();
            if state.phase > Phase::Running || state.has_room(capacity) {
                continue;
            }
            if when_full == WhenFull::PolicyWithoutWaiting {
                return Err(self.reject_full(state, job));
            }
            let Overflow::BlockFor(waited) = overflow else {
                self.wait_for_room(state, None);
                continue;
            };
            let deadline = *deadline.get_or_insert_with(|| Instant::now().checked_add(waited));
            let timeout = deadline.map_or(Duration::MAX, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if timeout.is_zero() {
                return Err(self.reject(state, job, Reason::TimedOut { waited }));
            }
            self.wait_for_room(state, Some(timeout));
        }
    }

    fn wait_for_room(&self, mut state: MutexGuard<'_, State<E>>, timeout: Option<Duration>) {
        state.blocked += 1;
        let mut state = match timeout {
            Some(timeout) => {
                let waited = self.not_full.wait_timeout(state, timeout);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.not_full.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        state.blocked -= 1;
    }

    /// Runs the job on this thread, unless too many jobs of the pool run inside one another there already.
    pub(crate) fn run_inline(self: &Arc<Self>, job: Job) -> Result<JobOutcome, SubmitError> {
        let Some(_entered) = self.worker_context.enter_inline() else {
            let depth = self.worker_context.depth();
            return Err(self.reject(self.lock(), job, Reason::RecursionLimit { depth }));
        };
        let mut state = self.lock();
        if state.phase > Phase::Running {
            return Err(self.reject(state, job, Reason::Closed));
        }
        state.inline += 1;
        drop(state);
        let outcome = self.run_job(job);
        let mut state = self.lock();
        state.inline -= 1;
        state.counters.record_ended(&outcome);
        Ok(outcome)
    }

    fn reject(&self, mut state: MutexGuard<'_, State<E>>, job: Job, reason: Reason) -> SubmitError {
        state.counters.record_rejected();
        SubmitError::new(job, reason)
    }

    fn reject_full(&self, state: MutexGuard<'_, State<E>>, job: Job) -> SubmitError {
        let capacity = self.options.get_capacity();
        self.reject(state, job, Reason::Full { capacity })
    }

    /// Queues the job, and sends a permit for it if it may start.
    fn accept(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<E>>,
        job: Job,
    ) -> Result<(), SubmitError> {
        let id = state.push(job);
        let Some((permit, executor)) = state.new_permit() else {
            return Ok(());
        };
        state.reserve(id);
        drop(state);
        let sent = self.send_permit(permit, &executor);
        drop(executor);
        let mut state = self.lock();
        let (error, executor_has_ended) = match sent {
            Ok(()) => {
                state.commit(id);
                return Ok(());
            }
            Err(SendPermitError::Failed(error)) => (error, false),
            Err(SendPermitError::Dropped) => (io::Error::other("the executor has ended"), true),
        };
        // Without this permit the job can still wait for another worker, if the queue has room.
        let can_wait = !executor_has_ended
            && state.has_workers()
            && state.is_within(self.options.get_capacity());
        let rejected = if can_wait {
            state.commit(id);
            None
        } else {
            state.reclaim(id)
        };
        self.not_full.notify_all();
        let result = match rejected {
            Some(job) => {
                state.counters.record_rejected();
                Err(SubmitError::new(job, Reason::Spawn(error)))
            }
            None => Ok(()),
        };
        // Other submitters may have queued jobs because this permit was on its way. If no worker is left, they run here.
        if executor_has_ended {
            drop(state);
            self.executor_ended();
        } else if state.has_workers() {
            self.try_terminate(state);
        } else {
            let _entered = self.worker_context.enter_worker();
            self.run_worker(state);
        }
        result
    }

    /// Sends a permit to the executor.
    pub(crate) fn send_permit(
        self: &Arc<Self>,
        id: Seq,
        executor: &Arc<E>,
    ) -> Result<(), SendPermitError> {
        let permit = Permit::new(self.clone(), id);
        let sent = caught(|| executor.execute(permit))
            .unwrap_or_else(|payload| Err(io::Error::other(payload.message().to_owned())));
        let mut state = self.lock();
        match sent {
            Ok(()) if state.permits.sent(id) => Ok(()),
            Ok(()) => Err(SendPermitError::Dropped),
            Err(error) if state.permits.take(id) => Err(SendPermitError::Failed(error)),
            // The executor failed, and has run the permit all the same.
            Err(_) => Ok(()),
        }
    }

    /// Whether this thread is one that the pool needs.
    pub(crate) fn on_worker(&self) -> bool {
        if self.worker_context.depth() > 0 {
            return true;
        }
        let executor = self.lock().executor.clone();
        executor.is_some_and(|executor| executor.on_thread())
    }
}
