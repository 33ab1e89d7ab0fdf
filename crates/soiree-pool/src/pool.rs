//! The pool, as its users hold it.

use std::fmt;
use std::time::Instant;

use soiree_core::{
    Job, JobOutcome, Pool, PoolStats, SubmitError, Unfinished, WaitError, WorkerCheck,
};

use crate::builder::{BuildError, MAX_SIZE, WorkerPoolBuilder};
use crate::inside;
use crate::shared::{Look, Permit, Shared};
use crate::sync::{Arc, Ordering, lock};

/// A bounded pool of workers: one channel queues the jobs, another holds a permit for each worker that may be started.
///
/// With one worker, jobs run in the order in which they were queued. Where there may be more, a job that finds the queue full
/// and starts a worker is the first that this worker runs.
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
    shared: Arc<Shared>,
}

/// A pool was not resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// Without workers nothing would ever run.
    #[error("a pool cannot be resized to 0 workers")]
    NoWorkers,
    /// Fewer workers may live than are to stay.
    #[error("{max} workers are below min_workers, which is {min}")]
    BelowMin {
        /// The new maximum.
        max: usize,
        /// The minimum.
        min: usize,
    },
    /// A number that is too large to be meant.
    #[error("{max} workers are above {MAX_SIZE}")]
    TooLarge {
        /// The new maximum.
        max: usize,
    },
}

impl WorkerPool {
    /// A pool of at most so many workers, with at most so many jobs waiting; otherwise as the builder's defaults.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn new(max_workers: usize, max_capacity: usize) -> Result<Self, BuildError> {
        Self::builder()
            .max_workers(max_workers)
            .capacity(max_capacity)
            .build()
    }

    /// Starts from the defaults.
    pub fn builder() -> WorkerPoolBuilder {
        WorkerPoolBuilder::new()
    }

    pub(crate) fn over(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Hands a job to the pool. Blocks while the queue is full, or does what the overflow policy says.
    ///
    /// On a worker of the pool it never blocks: where it would, the job runs inline, before this returns, to a depth of
    /// [`MAX_INLINE_DEPTH`](crate::MAX_INLINE_DEPTH). Should the last worker leave and no thread start just as the job is
    /// queued, it runs on the submitting thread.
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
        let shared = &self.shared;
        let (max, min) = (max_workers, shared.min_workers);
        if max == 0 {
            return Err(ResizeError::NoWorkers);
        }
        if max < min {
            return Err(ResizeError::BelowMin { max, min });
        }
        if max > MAX_SIZE {
            return Err(ResizeError::TooLarge { max });
        }
        let resizing = lock(&shared.resizing);
        let old = shared.max_workers.swap(max, Ordering::SeqCst);
        for _ in old..max {
            if !shared.claim_excess() {
                shared.give_permit(Permit);
            }
        }
        for _ in max..old {
            if shared.permits.1.try_recv().is_err() {
                shared.excess.fetch_add(1, Ordering::SeqCst);
                // Busy workers look by themselves, and should not find a heap of notes after many resizes.
                if shared.idle.load(Ordering::SeqCst) > 0 {
                    let _ = shared.looks.0.send(Look);
                }
            }
        }
        drop(resizing);
        for _ in old..max {
            if !shared.has_work() {
                break;
            }
            let Some(seat) = shared.take_seat_beside() else {
                break;
            };
            if shared.start_worker(seat, None).is_err() {
                break;
            }
        }
        Ok(())
    }
}

impl Pool for WorkerPool {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.try_submit(job)
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
        inside::depth(self.shared.address()) > 0
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        // An address is enough: a pool that still has to run what somebody waits for has not been freed.
        let address = self.shared.address();
        Some(Arc::new(move || inside::depth(address) > 0))
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
