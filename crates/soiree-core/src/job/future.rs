//! Jobs as futures.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::completion::{CompletionSender, EndedJob};
use super::outcome::JobOutcome;
use super::{Job, Work};
use crate::panic::caught;

/// A job as a future, which resolves to how the job ended. Created by `job.into_future()` or by awaiting a job.
///
/// - A job made from a future is polled with this one.
/// - Any other job runs inside the first poll, and blocks the polling thread meanwhile.
/// - Panics are caught.
/// - Dropping it before it is ready drops the job.
/// - Dropping it wakes the thread that waits for the job. A pool counts the job before that, and uses [`ended`](JobFuture::ended).
#[must_use]
pub struct JobFuture {
    /// `None` once the job has ended.
    job: Option<Job>,
    in_time: bool,
    completion: Option<CompletionSender>,
}

impl JobFuture {
    /// Wraps a job. With `in_time`, the job starts even if its deadline has passed.
    pub fn new(mut job: Job, in_time: bool) -> Self {
        let completion = job.take_completion();
        Self {
            job: Some(job),
            in_time,
            completion,
        }
    }

    /// Whether the job was made from a future, so that polling it does not block.
    pub fn is_future(&self) -> bool {
        self.job.as_ref().is_some_and(Job::is_future)
    }

    /// Returns the job, unless it has ended.
    pub fn into_job(self) -> Option<Job> {
        let mut job = self.job?;
        job.set_completion(self.completion);
        Some(job)
    }

    /// What this has resolved to, together with the thread that waits for the job. That thread wakes when the returned value is
    /// dropped, so that a pool can count the job first.
    pub fn ended(self, outcome: JobOutcome) -> EndedJob {
        EndedJob::new(outcome, self.completion)
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
            let job = self
                .job
                .as_mut()
                .expect("a future is not polled after it was ready");
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
                Work::Extended(extended)
                    if in_time
                        || extended.deadline.is_none()
                        || !extended.is_late(Instant::now()) =>
                {
                    let work = std::mem::replace(&mut extended.job.work, Work::Taken);
                    self.job = Some(Job { work });
                    continue;
                }
                _ => {
                    let job = self.job.take().expect("the job was there a moment ago");
                    job.start(in_time)
                }
            };
            drop(self.job.take());
            if let Some(completion) = &mut self.completion {
                completion.set_copy_of(&outcome);
            }
            return Poll::Ready(outcome);
        }
    }
}

impl fmt::Debug for JobFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobFuture").finish_non_exhaustive()
    }
}
