//! How a job gets into the queue, and what happens when there is no place.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::panic::caught;
use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::executor::Executor;
use crate::permit::Permit;
use crate::shared::Shared;
use crate::state::{Phase, State};

/// Why nobody will take a permit.
pub(crate) enum NotExecuted {
    /// The executor could not run it now.
    Failed(io::Error),
    /// The executor dropped it: it runs nothing any more.
    Dropped,
}

/// What a submitter wants when the queue is full.
#[derive(Clone, Copy, PartialEq)]
enum Full {
    Policy,
    PolicyWithoutWait,
    Reject,
}

impl<E: Executor> Shared<E> {
    /// Submits as the overflow policy says.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, Full::Policy)
    }

    /// Submits as the overflow policy says, where it does not say to wait.
    pub(crate) fn submit_now(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, Full::PolicyWithoutWait)
    }

    /// Submits if there is a place right now, or can be made.
    pub(crate) fn try_submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, Full::Reject)
    }

    fn submit_with(self: &Arc<Self>, job: Job, full: Full) -> Result<(), SubmitError> {
        let mut until = None;
        loop {
            let mut state = self.lock();
            if state.phase > Phase::Running {
                return Err(self.reject(state, job, Reason::Closed));
            }
            if state.has_room(self.options.get_capacity()) {
                return self.accept(state, job);
            }
            match self.options.get_overflow() {
                Overflow::DropOldest if self.options.get_capacity() > 0 => {
                    let oldest = state.pop();
                    state.discarded += u64::from(oldest.is_some());
                    let accepted = self.accept(state, job);
                    drop(oldest);
                    return accepted;
                }
                Overflow::DropOldest | Overflow::Reject => {
                    return Err(self.reject_full(state, job));
                }
                _ if full == Full::Reject => return Err(self.reject_full(state, job)),
                Overflow::CallerRuns | Overflow::Block | Overflow::BlockFor(_) => {}
            }
            drop(state);
            let is_in_job = self.nesting.depth() > 0;
            if self.options.get_overflow() == Overflow::CallerRuns || is_in_job {
                // A future would hold this thread until its end.
                return match job.is_future() {
                    true => Err(self.reject_full(self.lock(), job)),
                    false => self.run_inline(job).map(drop),
                };
            }
            // To wait could be to wait for this thread, and to run the job would be one more than may run.
            if self.is_inside() {
                return Err(self.reject_full(self.lock(), job));
            }
            state = self.lock();
            if state.phase > Phase::Running || state.has_room(self.options.get_capacity()) {
                continue;
            }
            if full == Full::PolicyWithoutWait {
                return Err(self.reject_full(state, job));
            }
            let Overflow::BlockFor(waited) = self.options.get_overflow() else {
                self.wait_for_place(state, None);
                continue;
            };
            let until = *until.get_or_insert_with(|| Instant::now().checked_add(waited));
            let rest = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if rest.is_zero() {
                return Err(self.reject(state, job, Reason::TimedOut { waited }));
            }
            self.wait_for_place(state, Some(rest));
        }
    }

    fn wait_for_place(&self, mut state: MutexGuard<'_, State<E>>, longest: Option<Duration>) {
        state.blocked += 1;
        let mut state = match longest {
            Some(longest) => {
                let waited = self.place.wait_timeout(state, longest);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.place.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        state.blocked -= 1;
    }

    /// Runs the job on this thread, if not too many run inside one another here.
    pub(crate) fn run_inline(self: &Arc<Self>, job: Job) -> Result<JobOutcome, SubmitError> {
        let Some(_entered) = self.nesting.enter_inline() else {
            let depth = self.nesting.depth();
            return Err(self.reject(self.lock(), job, Reason::RecursionLimit { depth }));
        };
        let mut state = self.lock();
        if state.phase > Phase::Running {
            return Err(self.reject(state, job, Reason::Closed));
        }
        state.inline += 1;
        drop(state);
        let outcome = self.run(job);
        let mut state = self.lock();
        state.inline -= 1;
        state.count(&outcome);
        Ok(outcome)
    }

    fn reject(&self, mut state: MutexGuard<'_, State<E>>, job: Job, reason: Reason) -> SubmitError {
        state.rejected += 1;
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
        let sent = self.send(permit, &executor);
        drop(executor);
        let mut state = self.lock();
        let (error, ended) = match sent {
            Ok(()) => {
                state.commit(id);
                return Ok(());
            }
            Err(NotExecuted::Failed(error)) => (error, false),
            Err(NotExecuted::Dropped) => (io::Error::other("its threads are gone"), true),
        };
        // Others run it, if there is a place where it can wait for them.
        let rejected = if !ended && state.has_workers() && state.fits(self.options.get_capacity()) {
            state.commit(id);
            None
        } else {
            state.reclaim(id)
        };
        self.place.notify_all();
        let outcome = match rejected {
            Some(job) => {
                state.rejected += 1;
                Err(SubmitError::new(job, Reason::Spawn(error)))
            }
            None => Ok(()),
        };
        // Others may have queued jobs in the belief that this permit would run them.
        if ended {
            drop(state);
            self.executor_gone();
        } else if state.has_workers() {
            self.try_terminate(state);
        } else {
            let _entered = self.nesting.enter_worker();
            self.work(state);
        }
        outcome
    }

    /// Hands a permit to the executor. If that fails nobody will take the permit.
    pub(crate) fn send(self: &Arc<Self>, id: u64, executor: &Arc<E>) -> Result<(), NotExecuted> {
        let permit = Permit::new(self.clone(), id);
        let sent = caught(|| executor.execute(permit))
            .unwrap_or_else(|payload| Err(io::Error::other(payload.message().to_owned())));
        let mut state = self.lock();
        match sent {
            Ok(()) if state.permit_accepted(id) => Ok(()),
            Ok(()) => Err(NotExecuted::Dropped),
            // An executor may fail and run the permit all the same.
            Err(error) if state.permit_used(id) => Err(NotExecuted::Failed(error)),
            Err(_) => Ok(()),
        }
    }

    /// Whether this thread is one that the pool needs.
    pub(crate) fn is_inside(&self) -> bool {
        if self.nesting.depth() > 0 {
            return true;
        }
        let executor = self.lock().executor.clone();
        executor.is_some_and(|executor| executor.on_thread())
    }
}
