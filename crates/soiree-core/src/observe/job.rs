//! Jobs whose observers are notified, whatever pool runs them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::events::{JobEnd, JobEnded, JobOffered, JobRejected, JobStarted};
use super::{Observer, Observers, clock};
use crate::job::{Job, JobFuture, JobOutcome, ObservedJob};
use crate::pool::SubmitError;
use crate::rejection::SubmitErrorReason;

/// What a thread is inside while observers of a job are notified on it.
pub trait NotifyContext: Send + 'static {
    /// The thread is inside until this is dropped.
    type Guard;

    /// Enters, on the calling thread.
    fn enter(&self) -> Self::Guard;
}

/// No context.
impl NotifyContext for () {
    type Guard = ();

    fn enter(&self) {}
}

/// A job whose observers are notified of what becomes of it.
struct Observed<C: NotifyContext> {
    notifier: Notifier<C>,
    offered: Instant,
    /// Taken out by the thread that runs or drops it.
    job: Option<Job>,
    /// If the job is a future that has started.
    running: Option<Running>,
}

/// A job that is polled.
struct Running {
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
    /// Notifies that a job is offered to the pool of this name, and returns a job that notifies of its own start and end. Returns
    /// the job itself if there are no observers.
    #[inline]
    pub fn offer<C: NotifyContext>(
        &self,
        job: Job,
        pool: &Arc<str>,
        context: impl FnOnce() -> C,
    ) -> Job {
        if self.is_empty() {
            return job;
        }
        self.offer_observed(job, pool, context())
    }

    #[cold]
    fn offer_observed<C: NotifyContext>(&self, job: Job, pool: &Arc<str>, context: C) -> Job {
        let notifier = Notifier {
            observers: self.clone(),
            pool: Arc::clone(pool),
            context,
        };
        notifier.notify(|observer| observer.job_offered(&JobOffered { pool }));
        Job::observed(Box::new(Observed {
            notifier,
            offered: clock::now(),
            job: Some(job),
            running: None,
        }))
    }
}

/// Notifies that a pool has rejected a job, if it was offered by [`Observers::offer`], and returns the job as it was before.
pub fn reclaim(rejected: SubmitError) -> SubmitError {
    let (job, reason) = rejected.into_parts();
    let job = match job.into_observed() {
        Ok(observed) => observed.rejected(&reason),
        // Some pools return a job wrapped in one of their own.
        Err(job) => job,
    };
    SubmitError::new(job, reason)
}

impl<C: NotifyContext> Notifier<C> {
    fn notify(&self, notify: impl Fn(&dyn Observer)) {
        let _entered = self.context.enter();
        self.observers.notify(notify);
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

impl<C: NotifyContext> Observed<C> {
    /// Takes the job out and notifies that it starts, or that it has expired.
    fn start(&mut self, in_time: bool) -> Result<(Job, Duration), JobOutcome> {
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
        Ok((job, waited))
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

impl<C: NotifyContext> ObservedJob for Observed<C> {
    fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    fn is_future(&self) -> bool {
        self.running.is_some() || self.job.as_ref().is_some_and(Job::is_future)
    }

    fn run(mut self: Box<Self>, in_time: bool) -> JobOutcome {
        match self.start(in_time) {
            Ok((job, waited)) => {
                let started = clock::now();
                let outcome = job.start(true);
                self.ended(outcome, waited, started)
            }
            Err(outcome) => outcome,
        }
    }

    fn poll(&mut self, in_time: bool, context: &mut Context<'_>) -> Poll<JobOutcome> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => match self.start(in_time) {
                Ok((job, waited)) => Running {
                    waited,
                    started: clock::now(),
                    future: JobFuture::new(job, true),
                },
                Err(outcome) => return Poll::Ready(outcome),
            },
        };
        match Pin::new(&mut running.future).poll(context) {
            Poll::Ready(outcome) => {
                Poll::Ready(self.ended(outcome, running.waited, running.started))
            }
            Poll::Pending => {
                self.running = Some(running);
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

impl<C: NotifyContext> Drop for Observed<C> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(running.future);
            let run_time = clock::now().saturating_duration_since(running.started);
            self.notifier
                .ended(JobEnd::Cancelled, running.waited, Some(run_time));
        }
        self.drop_unrun(JobEnd::Discarded);
    }
}
