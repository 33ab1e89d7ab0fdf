//! How a job gets into the queue, and what happens when the queue is full.

use std::sync::Arc;
use std::time::Instant;

use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::executor::Executor;
use crate::polling::is_polling;
use crate::queued_job::QueuedJob;
use crate::send::SendPermitError;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state_guard::StateGuard;
use crate::waiter::Verdict;

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

/// What became of a job, or the job itself if the queue is full.
type Offered<'a, E> = Result<Result<(), SubmitError>, (StateGuard<'a, E>, QueuedJob)>;

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
        let overflow = self.options.overflow;
        let (state, job) = match self.offer(QueuedJob::new(job)) {
            Ok(submitted) => return submitted,
            Err(full) => full,
        };
        match overflow {
            Overflow::DropOldest if self.options.capacity > 0 && state.line.queued() > 0 => {
                return self.replace_oldest(state, job);
            }
            Overflow::DropOldest | Overflow::Reject => return Err(self.reject_full(state, job)),
            _ if when_full == WhenFull::Reject => return Err(self.reject_full(state, job)),
            Overflow::CallerRuns | Overflow::Block | Overflow::BlockFor(_) => drop(state),
        }
        let is_in_job = self.worker_context.depth() > 0;
        if overflow == Overflow::CallerRuns || is_in_job {
            // A future would hold this thread until its end.
            return match job.is_future {
                true => Err(self.reject_full(self.lock(), job)),
                false => self.run_inline(job.job).map(drop),
            };
        }
        // Waiting could block the very thread that has to make room, and running the job would exceed the limit.
        if self.on_worker() || self.wait_would_deadlock() {
            return Err(self.reject_full(self.lock(), job));
        }
        let (state, job) = match self.offer(job) {
            Ok(submitted) => return submitted,
            Err(full) => full,
        };
        if when_full == WhenFull::PolicyWithoutWaiting {
            return Err(self.reject_full(state, job));
        }
        self.wait_for_place(state, job)
    }

    /// Accepts the job if there is a place for it and nobody waits for one.
    fn offer(self: &Arc<Self>, job: QueuedJob) -> Offered<'_, E> {
        let mut state = self.lock();
        if state.is_closed() {
            return Ok(Err(self.reject(state, job.job, Reason::Closed)));
        }
        if state.is_stalled() || state.is_stranded() {
            match self.dispatch(state) {
                Ok(locked) => state = locked,
                Err(error) => {
                    self.sending_failed(&error);
                    return Ok(Err(self.reject(self.lock(), job.job, error.into_reason())));
                }
            }
            if state.is_closed() {
                return Ok(Err(self.reject(state, job.job, Reason::Closed)));
            }
        }
        if state.has_place_for_new() {
            let seq = state.new_seq();
            return Ok(self.accept(state, seq, job));
        }
        Err((state, job))
    }

    /// Drops the oldest job, and queues the new one. Those who wait for a place start before it all the same.
    fn replace_oldest(
        self: &Arc<Self>,
        mut state: StateGuard<'_, E>,
        job: QueuedJob,
    ) -> Result<(), SubmitError> {
        let oldest = state.line.pop();
        state
            .counters
            .record_discarded(usize::from(oldest.is_some()));
        let seq = state.new_seq();
        let accepted = self.accept(state, seq, job);
        drop(oldest);
        accepted
    }

    /// Blocks until the job has a place, as long as the overflow policy says.
    fn wait_for_place(
        self: &Arc<Self>,
        mut state: StateGuard<'_, E>,
        job: QueuedJob,
    ) -> Result<(), SubmitError> {
        let (timeout, deadline) = match self.options.overflow {
            Overflow::BlockFor(timeout) => (timeout, Instant::now().checked_add(timeout)),
            _ => Default::default(),
        };
        let seq = state.new_seq();
        let submitter = state.line.block(seq, job);
        drop(state);
        loop {
            match submitter.wait(deadline) {
                Some(Verdict::Accepted) => return Ok(()),
                Some(Verdict::Closed(job)) => {
                    return Err(self.reject(self.lock(), job.job, Reason::Closed));
                }
                Some(Verdict::NoWorker) => {
                    let Err(error) = self.dispatch(self.lock()) else {
                        continue;
                    };
                    let job = self.lock().line.remove_waiter(seq);
                    self.sending_failed(&error);
                    if let Some(job) = job {
                        return Err(self.reject(self.lock(), job.job, error.into_reason()));
                    }
                }
                None => {
                    let mut state = self.lock();
                    // If it is gone, the verdict is there by now.
                    if let Some(job) = state.line.remove_waiter(seq) {
                        state.counters.record_rejected();
                        self.look_for_end(state);
                        let waited = timeout;
                        return Err(SubmitError::new(job.job, Reason::TimedOut { waited }));
                    }
                }
            }
        }
    }

    /// Runs the job on this thread, unless it is a future that the executor polls, or too many jobs of the pool run inside one
    /// another there already.
    pub(crate) fn run_inline(self: &Arc<Self>, job: Job) -> Result<JobOutcome, SubmitError> {
        if self.polls_futures && job.is_future() {
            return Err(self.reject(self.lock(), job, Reason::WouldBlock));
        }
        let Some(_entered) = self.worker_context.enter_inline() else {
            let depth = self.worker_context.depth();
            return Err(self.reject(self.lock(), job, Reason::RecursionLimit { depth }));
        };
        let mut state = self.lock();
        if state.is_closed() {
            return Err(self.reject(state, job, Reason::Closed));
        }
        state.inline += 1;
        drop(state);
        let ended = self.run_job(job);
        self.end_inline_job(ended.outcome());
        Ok(ended.into_outcome())
    }

    pub(crate) fn reject(
        &self,
        mut state: StateGuard<'_, E>,
        job: Job,
        reason: Reason,
    ) -> SubmitError {
        state.counters.record_rejected();
        SubmitError::new(job, reason)
    }

    fn reject_full(&self, state: StateGuard<'_, E>, job: QueuedJob) -> SubmitError {
        let capacity = self.options.capacity;
        self.reject(state, job.job, Reason::Full { capacity })
    }

    /// Queues the job, and sends a permit for it if it may start.
    pub(crate) fn accept(
        self: &Arc<Self>,
        mut state: StateGuard<'_, E>,
        seq: Seq,
        mut job: QueuedJob,
    ) -> Result<(), SubmitError> {
        job.reserved = state.may_send_permit();
        state.line.push(seq, job);
        // This thread cannot run the futures of others if the permit cannot be sent.
        let Some((permit, executor)) = state.new_permit(self.polls_futures) else {
            state.line.commit(seq);
            state.record_peaks();
            return Ok(());
        };
        drop(state);
        let (mut state, sent) = self.send_permit(permit, executor);
        let Err(error) = sent else {
            state.line.commit(seq);
            // Permits that could not be sent before.
            if let Err(error) = self.dispatch(state) {
                self.sending_failed(&error);
            }
            return Ok(());
        };
        // Without this permit the job can still wait for another worker, if the queue has room.
        let can_wait = matches!(error, SendPermitError::Failed(_))
            && state.has_workers()
            && state.is_within_capacity();
        let rejected = match can_wait {
            true => None,
            false => state.line.remove(seq),
        };
        state.line.commit(seq);
        state.admit(false);
        state.record_peaks();
        if rejected.is_some() {
            state.counters.record_rejected();
        }
        // Other submitters may have queued jobs because this permit was on its way. If no worker is left, they run here.
        if matches!(error, SendPermitError::ExecutorEnded) {
            drop(state);
            self.executor_ended();
        } else if state.has_workers() {
            self.look_for_end(state);
        } else {
            let _entered = self.worker_context.enter_worker();
            self.run_rest(state);
        }
        match rejected {
            Some(job) => Err(SubmitError::new(job.job, error.into_reason())),
            None => Ok(()),
        }
    }

    /// Whether this thread is needed by the jobs that it would wait for.
    pub(crate) fn wait_would_deadlock(&self) -> bool {
        if self.polls_futures && is_polling() {
            return true;
        }
        let executor = self.lock().executor.clone();
        executor.is_some_and(|executor| executor.wait_would_deadlock())
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
