//! The pool under test, with a watch on it.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, Job, JobOutcome, Pool, PoolStats, ResizeError, SubmitError, SubmitErrorReason,
    WaitError,
};

use super::watch::{Call, Watch};

/// A handle of the pool under test; the pool is dropped with the last one.
#[derive(Clone)]
pub(crate) struct Subject {
    inner: Arc<Inner>,
    watch: Arc<Watch>,
}

struct Inner {
    pool: Option<Arc<dyn Pool>>,
    watch: Arc<Watch>,
}

/// A handle that does not keep the pool.
#[derive(Clone)]
pub(crate) struct WeakSubject(Weak<Inner>);

impl WeakSubject {
    pub(crate) fn upgrade(&self) -> Option<Subject> {
        let inner = self.0.upgrade()?;
        let watch = Arc::clone(&inner.watch);
        Some(Subject { inner, watch })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let pool = self.pool.take();
        self.watch.during(Call::Drop, || drop(pool));
    }
}

impl Subject {
    pub(crate) fn new(pool: Arc<dyn Pool>, watch: Arc<Watch>) -> Self {
        let inner = Arc::new(Inner {
            pool: Some(pool),
            watch: Arc::clone(&watch),
        });
        Self { inner, watch }
    }

    pub(crate) fn downgrade(&self) -> WeakSubject {
        WeakSubject(Arc::downgrade(&self.inner))
    }

    /// The pool itself, for what needs no watch.
    pub(crate) fn pool(&self) -> &dyn Pool {
        match &self.inner.pool {
            Some(pool) => pool.as_ref(),
            None => unreachable!("it is taken as the last handle is dropped"),
        }
    }

    pub(crate) fn submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        let job = job.into();
        self.watch.during(Call::Submit, || self.pool().submit(job))
    }

    pub(crate) fn try_submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        let job = job.into();
        self.watch
            .during(Call::TrySubmit, || self.pool().try_submit(job))
    }

    pub(crate) fn submit_now(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        let job = job.into();
        self.watch
            .during(Call::SubmitNow, || self.pool().submit_now(job))
    }

    pub(crate) fn submit_before(
        &self,
        job: impl Into<Job>,
        deadline: Instant,
    ) -> Result<(), SubmitError> {
        let job = job.into();
        self.watch.during(Call::SubmitBefore, || {
            self.pool().submit_before(job, deadline)
        })
    }

    pub(crate) fn submit_and_wait(&self, job: impl Into<Job>) -> Result<(), WaitError> {
        let job = job.into();
        self.watch
            .during(Call::SubmitAndWait, || self.pool().submit_and_wait(job))
    }

    pub(crate) fn submit_all_and_wait(&self, jobs: Vec<Job>) -> Result<(), WaitError> {
        self.watch.during(Call::SubmitAllAndWait, || {
            self.pool().submit_all_and_wait(jobs)
        })
    }

    pub(crate) fn run_inline(&self, job: impl Into<Job>) -> Result<JobOutcome, SubmitError> {
        let job = job.into();
        self.watch
            .during(Call::RunInline, || self.pool().run_inline(job))
    }

    pub(crate) fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        self.watch
            .during(Call::Resize, || self.pool().resize(max_workers))
    }

    pub(crate) fn stop(&self) {
        self.watch.during(Call::Stop, || self.pool().stop());
    }

    pub(crate) fn stop_and_wait_for(&self, timeout: Duration) -> Result<(), DrainTimeout> {
        self.watch.during(Call::StopAndWaitFor, || {
            self.pool().stop_and_wait_for(timeout)
        })
    }

    pub(crate) fn release(&self) {
        self.watch.during(Call::Release, || self.pool().release());
    }

    pub(crate) fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.watch.during(Call::ReleaseWithDeadline, || {
            self.pool().release_with_deadline(deadline)
        })
    }

    pub(crate) fn stats(&self) -> PoolStats {
        self.watch.during(Call::Stats, || self.pool().stats())
    }

    pub(crate) fn on_worker(&self) -> bool {
        self.pool().on_worker()
    }

    /// Submits, and tries again when the pool refuses because it is full.
    pub(crate) fn insist(&self, job: Job, patience: Duration) -> Result<(), String> {
        let give_up = Instant::now() + patience;
        let mut job = job;
        loop {
            let refused = match self.submit(job) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            let full = matches!(
                refused.reason,
                SubmitErrorReason::Full { .. } | SubmitErrorReason::TimedOut { .. }
            );
            if !full || Instant::now() > give_up {
                let stats = self.stats();
                return Err(format!("an open pool refused a job: {refused}; {stats:?}"));
            }
            job = refused.into_job();
            thread::yield_now();
        }
    }

    /// How many jobs have ended, whichever way, by the pool's own figures.
    pub(crate) fn ended(&self) -> u64 {
        let stats = self.stats();
        stats.completed() + stats.expired + stats.discarded
    }
}
