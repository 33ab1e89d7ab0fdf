//! Work that was accepted before, and work that a waiting thread takes out of the queue.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use soiree_core::{EndedJob, Job, JobId, SubmitError, SubmitErrorReason};

use crate::executor::Executor;
use crate::polling::PollGuard;
use crate::queued_job::QueuedJob;
use crate::send::SendPermitError;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state::Phase;

impl<E: Executor> Shared<E> {
    /// Queues the job behind those that wait for a place. Runs nothing on this thread.
    pub(crate) fn requeue(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let job = QueuedJob::new(job);
        let mut state = self.lock();
        if state.is_closed() {
            state.counters.record_rejected();
            return Err(SubmitError::new(job.job, SubmitErrorReason::Closed));
        }
        let seq = state.new_seq();
        state.line.requeue(seq, job);
        match self.dispatch(state) {
            Ok(_) | Err(SendPermitError::Failed(_)) => Ok(()),
            Err(SendPermitError::ExecutorEnded) => {
                let mut state = self.lock();
                let line = &mut state.line;
                let job = line.remove_waiter(seq).or_else(|| line.remove(seq));
                if job.is_some() {
                    state.counters.record_rejected();
                }
                drop(state);
                self.executor_ended();
                match job {
                    Some(job) => Err(SubmitError::new(job.job, SubmitErrorReason::Closed)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Takes the job out of the line and runs it on this thread.
    pub(crate) fn run_queued(self: &Arc<Self>, id: JobId) -> bool {
        let Some(_entered) = self.worker_context.enter_inline() else {
            return false;
        };
        let mut state = self.lock();
        let Some((seq, job)) = state.start_inline(id) else {
            return false;
        };
        // Its place is free.
        if let Err(error) = self.dispatch(state) {
            self.sending_failed(&error);
        }
        let ended = match self.polls_futures && job.is_future {
            true => self.poll_once(seq, job),
            false => Some(self.run_job(job.job)),
        };
        if let Some(ended) = &ended {
            self.end_inline_job(ended.outcome());
        }
        ended.is_some()
    }

    /// Polls a future that is taken to have nothing left to do, because this thread must not wait for it. If it has, it goes back
    /// into the line.
    fn poll_once(self: &Arc<Self>, seq: Seq, job: QueuedJob) -> Option<EndedJob> {
        let QueuedJob { job, id, .. } = job;
        let _polling = PollGuard::enter();
        let mut future = job.into_future();
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(outcome) = Pin::new(&mut future).poll(&mut context) {
            self.report_panic(&outcome);
            return Some(future.ended(outcome));
        }
        let mut back = QueuedJob::new(future.into_job()?);
        back.id = id;
        let mut state = self.lock();
        state.inline -= 1;
        if state.phase == Phase::Stopped {
            state.counters.record_discarded(1);
            self.look_for_end(state);
            return None;
        }
        state.line.requeue(seq, back);
        match self.dispatch(state) {
            Ok(state) => self.look_for_end(state),
            Err(error) => self.sending_failed(&error),
        }
        None
    }
}
