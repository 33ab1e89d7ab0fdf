//! Jobs as futures, and futures as jobs.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Job, JobOutcome, Work};
use crate::panic::caught;

/// A job that is polled to its end, which says how it ended. Made with `job.into_future()`, or by an `.await`.
///
/// A job that was made of a future is polled with it. Any other one runs when this is polled for the first time, on that
/// thread. Panics are caught.
#[must_use]
pub struct JobFuture {
    /// Until it has ended.
    job: Option<Job>,
    in_time: bool,
}

impl JobFuture {
    /// If it is `in_time`, the job begins whatever its deadline.
    pub fn new(job: Job, in_time: bool) -> Self {
        let job = Some(job);
        Self { job, in_time }
    }

    /// Whether the job is a future, so that polling it does not block.
    pub fn is_future(&self) -> bool {
        self.job.as_ref().is_some_and(Job::is_future)
    }

    /// The job, unless it has ended.
    pub fn into_job(self) -> Option<Job> {
        self.job
    }
}

impl IntoFuture for Job {
    type Output = JobOutcome;
    type IntoFuture = JobFuture;

    fn into_future(self) -> JobFuture {
        JobFuture::new(self, false)
    }
}

impl Future for JobFuture {
    type Output = JobOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<JobOutcome> {
        let in_time = self.in_time;
        loop {
            let job = self.job.as_mut().expect("it has not ended yet");
            let outcome = match &mut job.work {
                Work::Future(future) => match caught(|| future.as_mut().poll(context)) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(())) => JobOutcome::Completed,
                    Err(payload) => JobOutcome::Panicked(payload),
                },
                Work::Observed(observed) if observed.is_future() => {
                    match observed.poll(in_time, context) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(outcome) => outcome,
                    }
                }
                Work::Deadline(inner) if in_time || Instant::now() <= inner.0 => {
                    let work = std::mem::replace(&mut inner.1.work, Work::Taken);
                    self.job = Some(Job { work });
                    continue;
                }
                _ => {
                    let job = self.job.take().expect("it is there");
                    return Poll::Ready(job.start(in_time));
                }
            };
            // It has ended, and what it holds may be dropped.
            drop(self.job.take());
            return Poll::Ready(outcome);
        }
    }
}

impl fmt::Debug for JobFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobFuture").finish_non_exhaustive()
    }
}
