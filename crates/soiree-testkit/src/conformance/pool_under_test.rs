//! The pool under test, with a watchdog on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, Job, JobId, JobOutcome, Pool, PoolStats, Reservation, Reserve, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};

use super::watchdog::{Method, Watchdog};

/// A handle of the pool under test. Dropping the last handle drops the pool.
#[derive(Clone)]
pub(crate) struct PoolUnderTest {
    inner: Arc<Inner>,
    watchdog: Arc<Watchdog>,
}

struct Inner {
    pool: Option<Arc<dyn Pool>>,
    watchdog: Arc<Watchdog>,
}

/// A handle that does not keep the pool alive.
#[derive(Clone)]
pub(crate) struct WeakPoolUnderTest(Weak<Inner>);

impl WeakPoolUnderTest {
    pub(crate) fn upgrade(&self) -> Option<PoolUnderTest> {
        let inner = self.0.upgrade()?;
        let watchdog = Arc::clone(&inner.watchdog);
        Some(PoolUnderTest { inner, watchdog })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let pool = self.pool.take();
        self.watchdog.track(Method::Drop, || drop(pool));
    }
}

impl PoolUnderTest {
    pub(crate) fn new(pool: Arc<dyn Pool>, watchdog: Arc<Watchdog>) -> Self {
        let inner = Arc::new(Inner {
            pool: Some(pool),
            watchdog: Arc::clone(&watchdog),
        });
        Self { inner, watchdog }
    }

    pub(crate) fn downgrade(&self) -> WeakPoolUnderTest {
        WeakPoolUnderTest(Arc::downgrade(&self.inner))
    }

    /// The pool itself, for calls that never block.
    pub(crate) fn pool(&self) -> &dyn Pool {
        match &self.inner.pool {
            Some(pool) => pool.as_ref(),
            None => unreachable!("only the drop of the last handle takes the pool"),
        }
    }

    pub(crate) fn submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        let job = job.into();
        self.watchdog
            .track(Method::Submit, || self.pool().submit(job))
    }

    pub(crate) fn try_submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        let job = job.into();
        self.watchdog
            .track(Method::TrySubmit, || self.pool().try_submit(job))
    }

    pub(crate) fn submit_now(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        let job = job.into();
        self.watchdog
            .track(Method::SubmitNow, || self.pool().submit_now(job))
    }

    pub(crate) fn submit_before(
        &self,
        job: impl Into<Job>,
        deadline: Instant,
    ) -> Result<(), SubmitError> {
        let job = job.into();
        self.watchdog.track(Method::SubmitBefore, || {
            self.pool().submit_before(job, deadline)
        })
    }

    pub(crate) fn submit_and_wait(&self, job: impl Into<Job>) -> Result<(), WaitError> {
        let job = job.into();
        self.watchdog
            .track(Method::SubmitAndWait, || self.pool().submit_and_wait(job))
    }

    pub(crate) fn submit_all_and_wait(&self, jobs: Vec<Job>) -> Result<(), WaitError> {
        self.watchdog.track(Method::SubmitAllAndWait, || {
            self.pool().submit_all_and_wait(jobs)
        })
    }

    pub(crate) fn run_inline(&self, job: impl Into<Job>) -> Result<JobOutcome, SubmitError> {
        let job = job.into();
        self.watchdog
            .track(Method::RunInline, || self.pool().run_inline(job))
    }

    pub(crate) fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        self.watchdog
            .track(Method::Requeue, || self.pool().requeue(job))
    }

    pub(crate) fn run_queued(&self, id: JobId) -> bool {
        self.watchdog
            .track(Method::RunQueued, || self.pool().run_queued(id))
    }

    pub(crate) fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        self.watchdog
            .track(Method::TryReserve, || self.pool().try_reserve())
    }

    pub(crate) fn poll_reserve(
        &self,
        reserve: &mut Reserve,
        waker: &Waker,
    ) -> Poll<Result<Reservation, SubmitErrorReason>> {
        self.watchdog.track(Method::PollReserve, || {
            Pin::new(reserve).poll(&mut Context::from_waker(waker))
        })
    }

    pub(crate) fn wait_idle(&self, deadline: Instant) -> bool {
        self.watchdog
            .track(Method::WaitIdle, || self.pool().wait_idle(deadline))
    }

    pub(crate) fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        self.watchdog
            .track(Method::Resize, || self.pool().resize(max_workers))
    }

    pub(crate) fn stop(&self) {
        self.watchdog.track(Method::Stop, || self.pool().stop());
    }

    pub(crate) fn stop_and_take_jobs(&self) -> Vec<Job> {
        self.watchdog
            .track(Method::StopAndTakeJobs, || self.pool().stop_and_take_jobs())
    }

    pub(crate) fn stop_and_wait_for(&self, timeout: Duration) -> Result<(), DrainTimeout> {
        self.watchdog.track(Method::StopAndWaitFor, || {
            self.pool().stop_and_wait_for(timeout)
        })
    }

    pub(crate) fn release(&self) {
        self.watchdog
            .track(Method::Release, || self.pool().release());
    }

    pub(crate) fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.watchdog.track(Method::ReleaseWithDeadline, || {
            self.pool().release_with_deadline(deadline)
        })
    }

    pub(crate) fn stats(&self) -> PoolStats {
        self.watchdog.track(Method::Stats, || self.pool().stats())
    }

    pub(crate) fn on_worker(&self) -> bool {
        self.pool().on_worker()
    }

    /// Submits a job, and retries while the pool rejects it because it is full.
    pub(crate) fn submit_until_accepted(&self, job: Job, timeout: Duration) -> Result<(), String> {
        let deadline = Instant::now() + timeout;
        let mut job = job;
        loop {
            let rejected = match self.submit(job) {
                Ok(()) => return Ok(()),
                Err(rejected) => rejected,
            };
            let is_full = matches!(
                rejected.reason,
                SubmitErrorReason::Full { .. } | SubmitErrorReason::TimedOut { .. }
            );
            if !is_full || Instant::now() > deadline {
                let stats = self.stats();
                return Err(format!(
                    "an open pool rejected a job: {rejected}; {stats:?}"
                ));
            }
            job = rejected.into_job();
            thread::yield_now();
        }
    }

    /// How many accepted jobs have ended in any way, according to the pool's stats.
    pub(crate) fn ended(&self) -> u64 {
        let stats = self.stats();
        stats.completed() + stats.expired + stats.discarded
    }
}
