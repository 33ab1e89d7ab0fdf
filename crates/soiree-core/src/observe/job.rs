//! Jobs that tell of themselves, on whatever pool they run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::told::{JobEnd, JobEnded, JobOffered, JobRefused, JobStarted};
use super::{Observer, Observers, clock};
use crate::emission::{Frame, enter_frame};
use crate::job::{Job, JobFuture, JobOutcome};
use crate::pool::{SubmitError, SubmitErrorReason};

/// A job, and who is told of it.
pub(crate) struct Observed {
    teller: Teller,
    offered: Instant,
    /// Taken out by whoever runs or drops it.
    job: Option<Job>,
    /// If the job is a future that has begun.
    running: Option<Running>,
}

/// A job that is polled.
struct Running {
    waited: Duration,
    started: Instant,
    future: JobFuture,
}

struct Teller {
    observers: Observers,
    pool: Arc<str>,
    /// The emitter that offered it, which must not be closed while an observer is told; 0 if there is none.
    hub: usize,
}

impl Observers {
    /// Has a job tell of itself, and tells that it is offered to the pool of this name. Nothing of it without observers.
    #[inline]
    pub(crate) fn offer(&self, job: Job, pool: &Arc<str>, hub: usize) -> Job {
        if self.is_empty() {
            return job;
        }
        self.offer_observed(job, pool, hub)
    }

    #[cold]
    fn offer_observed(&self, job: Job, pool: &Arc<str>, hub: usize) -> Job {
        let teller = Teller {
            observers: self.clone(),
            pool: Arc::clone(pool),
            hub,
        };
        teller.tell(|observer| observer.job_offered(&JobOffered { pool }));
        Job::observed(Observed {
            teller,
            offered: clock::now(),
            job: Some(job),
            running: None,
        })
    }
}

/// Tells that a pool has refused a job, if it was offered by [`Observers::offer`], and gives the job back as it was before.
pub(crate) fn take_back(refused: SubmitError) -> SubmitError {
    let (job, reason) = refused.into_parts();
    let job = match job.into_observed() {
        Ok(observed) => observed.refused(&reason),
        // Some pools give a job back wrapped in one of their own.
        Err(job) => job,
    };
    SubmitError::new(job, reason)
}

impl Teller {
    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        let _entered = enter_frame(Frame {
            hub: self.hub,
            flight: 0,
            pool: 0,
        });
        self.observers.tell(tell);
    }

    fn ended(&self, outcome: JobEnd, waited: Duration, run_time: Option<Duration>) {
        let ended = JobEnded {
            pool: &self.pool,
            outcome,
            waited,
            run_time,
        };
        self.tell(|observer| observer.job_ended(&ended));
    }
}

impl Observed {
    pub(crate) fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    pub(crate) fn is_future(&self) -> bool {
        self.running.is_some() || self.job.as_ref().is_some_and(Job::is_future)
    }

    /// Takes the job out and tells that it runs next, or what came of it in its place.
    fn begin(&mut self, in_time: bool) -> Result<(Job, Duration), JobOutcome> {
        let job = self.job.take().ok_or(JobOutcome::Completed)?;
        let started = clock::now();
        let waited = started.saturating_duration_since(self.offered);
        if !in_time && job.is_late(started) {
            job.expire();
            self.teller.ended(JobEnd::Expired, waited, None);
            return Err(JobOutcome::Expired);
        }
        let pool = &*self.teller.pool;
        self.teller
            .tell(|observer| observer.job_started(&JobStarted { pool, waited }));
        Ok((job, waited))
    }

    fn ended(&self, outcome: JobOutcome, waited: Duration, started: Instant) -> JobOutcome {
        let run_time = clock::now().saturating_duration_since(started);
        let end = match outcome {
            JobOutcome::Panicked(_) => JobEnd::Panicked,
            JobOutcome::Completed | JobOutcome::Expired => JobEnd::Completed,
        };
        self.teller.ended(end, waited, Some(run_time));
        outcome
    }

    /// Runs the job; if `in_time`, whatever its deadline.
    pub(crate) fn run(mut self, in_time: bool) -> JobOutcome {
        match self.begin(in_time) {
            Ok((job, waited)) => {
                let started = clock::now();
                let outcome = job.start(true);
                self.ended(outcome, waited, started)
            }
            Err(outcome) => outcome,
        }
    }

    /// Polls the job, which is a future; if `in_time`, it begins whatever its deadline.
    pub(crate) fn poll(&mut self, in_time: bool, context: &mut Context<'_>) -> Poll<JobOutcome> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => match self.begin(in_time) {
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

    pub(crate) fn expire(mut self) {
        self.drop_unrun(JobEnd::Expired);
    }

    fn refused(mut self, reason: &SubmitErrorReason) -> Job {
        let pool = &*self.teller.pool;
        self.teller
            .tell(|observer| observer.job_refused(&JobRefused { pool, reason }));
        self.job.take().unwrap_or_else(|| Job::new(|| ()))
    }

    fn drop_unrun(&mut self, end: JobEnd) {
        let Some(job) = self.job.take() else { return };
        match end {
            JobEnd::Expired => job.expire(),
            _ => drop(job),
        }
        let waited = clock::now().saturating_duration_since(self.offered);
        self.teller.ended(end, waited, None);
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(running.future);
            let run_time = clock::now().saturating_duration_since(running.started);
            self.teller
                .ended(JobEnd::Cancelled, running.waited, Some(run_time));
        }
        self.drop_unrun(JobEnd::Discarded);
    }
}
