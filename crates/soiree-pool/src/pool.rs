//! The pool, as its users hold it.

use std::fmt;
use std::time::Instant;

use soiree_core::{
    Job, JobOutcome, Pool, PoolStats, ResizeError, SubmitError, Unfinished, WaitError, WorkerCheck,
};

use crate::shared::Shared;
use crate::sync::Arc;

/// A bounded pool of workers: one channel queues the jobs, another holds a permit for each worker that may be started.
///
/// Jobs start in the order in which they were queued.
///
/// Workers are started as jobs come and leave when they have been idle for a while. Every method may be called from any
/// thread, from jobs of the pool itself as well. Wrap it in an `Arc` to share it.
///
/// Dropping it is a [`release`](Pool::release) that does not wait: what was accepted still runs, then the threads end.
///
/// ```
/// use soiree_pool::{Pool, WorkerPool};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
///
/// let pool = WorkerPool::new(4, 100)?;
/// let count = Arc::new(AtomicU32::new(0));
/// for _ in 0..10 {
///     let count = Arc::clone(&count);
///     pool.submit(move || {
///         count.fetch_add(1, Ordering::Relaxed);
///     })?;
/// }
/// pool.release();
/// assert_eq!(count.load(Ordering::Relaxed), 10);
/// assert_eq!(pool.stats().successful, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WorkerPool {
    pub(crate) shared: Arc<Shared>,
}

impl WorkerPool {
    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Hands a job to the pool. Blocks while the queue is full, or does what the overflow policy says.
    ///
    /// On a worker of the pool it never blocks: where it would, the job runs inline, before this returns, to a depth of
    /// [`MAX_INLINE_DEPTH`](soiree_core::MAX_INLINE_DEPTH). Should a thread fail to start that others had
    /// queued jobs for, those may run on this thread.
    ///
    /// # Errors
    /// If the pool is closed, the policy refuses, the job would run too deep, or no thread could be started. The job comes
    /// back inside the error.
    pub fn submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        self.shared.submit(job.into())
    }

    /// Hands a job to the pool if there is a place or another worker may be started. Never blocks, never runs it inline.
    ///
    /// # Errors
    /// As [`submit`](WorkerPool::submit).
    pub fn try_submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        self.shared.try_submit(job.into())
    }

    /// Hands a job to the pool and waits until it has ended. On a worker of the pool it runs inline.
    ///
    /// # Errors
    /// If the job was refused, panicked, or was dropped unrun.
    pub fn submit_and_wait(&self, job: impl Into<Job>) -> Result<(), WaitError> {
        Pool::submit_and_wait(self, job.into())
    }

    /// Hands over a job that runs only if it starts by `deadline`, and else counts as expired.
    ///
    /// # Errors
    /// As [`submit`](WorkerPool::submit).
    pub fn submit_before(&self, job: impl Into<Job>, deadline: Instant) -> Result<(), SubmitError> {
        self.submit(job.into().before(deadline))
    }

    /// Changes how many workers may live at once. Takes effect at once for jobs that have not started; running jobs are
    /// not interrupted, and workers above the new limit leave as their job ends.
    ///
    /// # Errors
    /// If there would be no workers, or fewer than are to stay.
    pub fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        self.shared.resize(max_workers)
    }
}

impl Pool for WorkerPool {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.try_submit(job)
    }

    fn submit_now(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.submit_now(job)
    }

    fn stop(&self) {
        self.shared.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), Unfinished> {
        self.shared.release_until(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.shared.stats()
    }

    fn on_worker(&self) -> bool {
        self.shared.worker_context.depth() > 0
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        Some(self.shared.worker_context.worker_check())
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        self.shared.resize(max_workers)
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.shared.submit_inline(job)
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.shared.close_without_waiting();
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool")
            .field("name", &self.name())
            .field("stats", &self.shared.stats())
            .finish()
    }
}
