//! Jobs that notify observers of their start and end, on any pool.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::events::{JobEnd, JobEnded, JobOffered, JobRejected, JobStarted};
use super::{Interest, Observer, Observers, clock};
use crate::job::{Job, JobFuture, JobOutcome, ObservedJob};
use crate::pool::SubmitError;
use crate::rejection::SubmitErrorReason;

/// Something that the calling thread enters while the observers of a job are notified, so that calls from an observer can
/// recognize it.
pub trait NotifyContext: Send + 'static {
    /// Leaves the context when dropped.
    type Guard;

    /// Enters the context on the calling thread.
    fn enter(&self) -> Self::Guard;
}

/// No context.
impl NotifyContext for () {
    type Guard = ();

    fn enter(&self) {}
}

/// A job that notifies observers when it starts and ends.
struct NotifyingJob<C: NotifyContext> {
    notifier: Notifier<C>,
    offered: Instant,
    /// `None` once the job has started or was dropped.
    job: Option<Job>,
    /// The job, if it is a future and has started.
    polled: Option<PolledJob>,
}

struct PolledJob {
    waited: Duration,
    started: Instant,
    future: JobFuture,
}

struct Notifier<C> {
    observers: Observers,
    pool: Arc<str>,
    context: C,
}

impl Observers {
    /// Notifies observers that a job is offered to the pool with this name. Returns a job that notifies them of its start and end.
    ///
    /// Returns `job` unchanged if no observer is interested in jobs. If the pool rejects the returned job, pass the error to [`reclaim`].
    #[inline]
    pub fn offer<C: NotifyContext>(
        &self,
        job: Job,
        pool: &Arc<str>,
        context: impl FnOnce() -> C,
    ) -> Job {
        if !self.want(Interest::JOBS) {
            return job;
        }
        self.offer_observed(job, pool, context())
    }

    #[cold]
    fn offer_observed<C: NotifyContext>(&self, mut job: Job, pool: &Arc<str>, context: C) -> Job {
        // A thread that waits for the job wakes after the observers were notified of its end.
        let completion = job.take_completion();
        let notifier = Notifier {
            observers: self.clone(),
            pool: Arc::clone(pool),
            context,
        };
        notifier.notify(|observer| observer.job_offered(&JobOffered { pool }));
        let mut job = Job::observed(Box::new(NotifyingJob {
            notifier,
            offered: clock::now(),
            job: Some(job),
            polled: None,
        }));
        job.set_completion(completion);
        job
    }
}

/// Restores the job in the error of a pool. If [`Observers::offer`] has wrapped the job, this notifies its observers that the
/// pool rejected it, and unwraps it.
pub fn reclaim(rejected: SubmitError) -> SubmitError {
    let (job, reason) = rejected.into_parts();
    let job = match job.into_observed() {
        Ok(observed) => observed.rejected(&reason),
        // The job has no observers, or the pool has wrapped it in a job of its own.
        Err(job) => job,
    };
    SubmitError::new(job, reason)
}

impl<C: NotifyContext> Notifier<C> {
    fn notify(&self, notify: impl Fn(&dyn Observer)) {
        let _entered = self.context.enter();
        self.observers.notify_of(Interest::JOBS, notify);
    }

    fn ended(&self, outcome: JobEnd, waited: Duration, run_time: Option<Duration>) {
        let ended = JobEnded {
            pool: &self.pool,
            outcome,
            waited,
            run_time,
        };
        self.notify(|observer| observer.job_ended(&ended));
    }
}

impl<C: NotifyContext> NotifyingJob<C> {
    /// Takes the job out. Notifies observers that it starts, or that it has expired. Also returns how long it has waited until when.
    fn start(&mut self, in_time: bool) -> Result<(Job, Duration, Instant), JobOutcome> {
        let job = self.job.take().ok_or(JobOutcome::Completed)?;
        let started = clock::now();
        let waited = started.saturating_duration_since(self.offered);
        if !in_time && job.is_late(started) {
            job.expire();
            self.notifier.ended(JobEnd::Expired, waited, None);
            return Err(JobOutcome::Expired);
        }
        let pool = &*self.notifier.pool;
        self.notifier
            .notify(|observer| observer.job_started(&JobStarted { pool, waited }));
        Ok((job, waited, started))
    }

    fn ended(&self, outcome: JobOutcome, waited: Duration, started: Instant) -> JobOutcome {
        let run_time = clock::now().saturating_duration_since(started);
        let end = match outcome {
            JobOutcome::Panicked(_) => JobEnd::Panicked,
            JobOutcome::Completed | JobOutcome::Expired => JobEnd::Completed,
        };
        self.notifier.ended(end, waited, Some(run_time));
        outcome
    }

    fn drop_unrun(&mut self, end: JobEnd) {
        let Some(job) = self.job.take() else { return };
        match end {
            JobEnd::Expired => job.expire(),
            _ => drop(job),
        }
        let waited = clock::now().saturating_duration_since(self.offered);
        self.notifier.ended(end, waited, None);
    }
}

impl<C: NotifyContext> ObservedJob for NotifyingJob<C> {
    fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    fn is_future(&self) -> bool {
        self.polled.is_some() || self.job.as_ref().is_some_and(Job::is_future)
    }

    fn run(mut self: Box<Self>, in_time: bool) -> JobOutcome {
        match self.start(in_time) {
            Ok((job, waited, started)) => {
                let outcome = job.start(true);
                self.ended(outcome, waited, started)
            }
            Err(outcome) => outcome,
        }
    }

    fn poll(&mut self, in_time: bool, context: &mut Context<'_>) -> Poll<JobOutcome> {
        let mut polled = match self.polled.take() {
            Some(polled) => polled,
            None => match self.start(in_time) {
                Ok((job, waited, started)) => PolledJob {
                    waited,
                    started,
                    future: JobFuture::new(job, true),
                },
                Err(outcome) => return Poll::Ready(outcome),
            },
        };
        match Pin::new(&mut polled.future).poll(context) {
            Poll::Ready(outcome) => Poll::Ready(self.ended(outcome, polled.waited, polled.started)),
            Poll::Pending => {
                self.polled = Some(polled);
                Poll::Pending
            }
        }
    }

    fn expire(mut self: Box<Self>) {
        self.drop_unrun(JobEnd::Expired);
    }

    fn rejected(mut self: Box<Self>, reason: &SubmitErrorReason) -> Job {
        let pool = &*self.notifier.pool;
        self.notifier
            .notify(|observer| observer.job_rejected(&JobRejected { pool, reason }));
        self.job.take().unwrap_or_else(|| Job::new(|| ()))
    }
}

impl<C: NotifyContext> Drop for NotifyingJob<C> {
    fn drop(&mut self) {
        if let Some(polled) = self.polled.take() {
            drop(polled.future);
            let run_time = clock::now().saturating_duration_since(polled.started);
            self.notifier
                .ended(JobEnd::Cancelled, polled.waited, Some(run_time));
        }
        self.drop_unrun(JobEnd::Discarded);
    }
}
