//! Jobs as futures, and futures as jobs.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use super::{Job, JobOutcome, PanicPayload, Work};

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
    pub(crate) fn new(job: Job, in_time: bool) -> Self {
        let job = Some(job);
        Self { job, in_time }
    }

    pub(crate) fn is_future(&self) -> bool {
        self.job.as_ref().is_some_and(Job::is_future)
    }

    pub(crate) fn into_job(self) -> Option<Job> {
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
                Work::Future(future) => {
                    let poll = AssertUnwindSafe(|| future.as_mut().poll(context));
                    match catch_unwind(poll) {
                        Ok(Poll::Pending) => return Poll::Pending,
                        Ok(Poll::Ready(())) => JobOutcome::Completed,
                        Err(payload) => JobOutcome::Panicked(PanicPayload::new(payload)),
                    }
                }
                Work::Observed(observed) if observed.is_future() => {
                    match observed.poll(in_time, context) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(outcome) => outcome,
                    }
                }
                Work::Before(timed) if in_time || Instant::now() <= timed.0 => {
                    let work = std::mem::replace(&mut timed.1.work, Work::Taken);
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

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls a future on this thread, which waits with it.
pub(super) fn block_on(mut future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    while future.as_mut().poll(&mut context).is_pending() {
        thread::park();
    }
}
