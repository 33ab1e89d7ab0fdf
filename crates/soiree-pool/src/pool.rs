//! The public handle of a pool.

use std::fmt;
use std::time::Instant;

use soiree_core::{
    DrainTimeout, EndedJob, Job, JobId, JobOutcome, Pool, PoolStats, Reservation, Reserve,
    ResizeError, SubmitError, SubmitErrorReason, WaitError, WorkerCheck,
};

use crate::shared::Shared;
use crate::sync::Arc;

/// A bounded pool of worker threads, built from two channels: a job queue and a worker limit.
///
/// Jobs start in the order in which they were queued. With more than one worker they overlap, and may end in another order. A job
/// that runs inline (see [`submit`](Self::submit)) overtakes the queue. Submitters that are blocked, tasks that wait in
/// [`reserve`](Pool::reserve), and work that is [requeued](Pool::requeue) get places in the queue in the order in which they began to
/// wait. No new job overtakes them.
///
/// The pool starts workers as jobs come, and workers exit after they were idle for a while. A job that panics does not end its
/// worker: the panic is caught and counted as failed.
///
/// Every method may be called from any thread, including from jobs of the pool itself. Wrap the pool in an `Arc` to share it.
///
/// Dropping the pool closes it without waiting: accepted jobs still run, then the threads end. Jobs that still run when the process
/// exits are lost; call [`release`](Pool::release) to wait for them.
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

    /// Submits a job. If the queue is full, does what the [`Overflow`](soiree_core::Overflow) policy says; by default it blocks until
    /// there is room.
    ///
    /// Called inside a job of the pool, it never blocks: where the policy says to block, it runs the job inline, which means on
    /// this thread and before it returns. At most [`MAX_INLINE_DEPTH`](soiree_core::MAX_INLINE_DEPTH) jobs run inside one another.
    ///
    /// If a worker's thread cannot be started, jobs that other threads had queued for that worker may run on this thread.
    ///
    /// # Errors
    /// The error holds the job and one of these [reasons](soiree_core::SubmitErrorReason):
    /// - `Closed`: the pool was stopped or released, also while this call was blocked.
    /// - `Full`, `TimedOut`: the queue is full, and the policy does not wait, or has waited for its timeout.
    /// - `RecursionLimit`: the job would run inline, but too many jobs already run inside one another on this thread.
    /// - `Spawn`: the pool has no worker and could not start a thread.
    ///
    /// ```
    /// use soiree_pool::{Overflow, SubmitErrorReason, WorkerPool};
    /// use std::sync::mpsc::channel;
    ///
    /// let pool = WorkerPool::builder().max_workers(1).capacity(1).overflow(Overflow::Reject).build()?;
    /// let (open, opened) = channel::<()>();
    /// pool.submit(move || drop(opened.recv()))?;        // keeps the only worker busy
    /// let rejected = (0..2).find_map(|_| pool.submit(|| {}).err()).expect("only one job may wait");
    /// assert!(matches!(rejected.reason, SubmitErrorReason::Full { capacity: 1 }));
    /// rejected.into_job().run();                        // not lost
    /// drop(open);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        self.shared.submit(job.into())
    }

    /// Submits a job if the queue has room or another worker may be started. Never blocks, and never runs the job inline.
    ///
    /// With [`Overflow::DropOldest`](soiree_core::Overflow::DropOldest), it makes room by discarding the oldest job, as
    /// [`submit`](WorkerPool::submit) does. As there, jobs of other threads may run on this thread if a worker cannot be started.
    ///
    /// # Errors
    /// As [`submit`](WorkerPool::submit).
    pub fn try_submit(&self, job: impl Into<Job>) -> Result<(), SubmitError> {
        self.shared.try_submit(job.into())
    }

    /// Submits a job and blocks until it has ended. Called inside a job of the pool, runs the job inline at once, ahead of the queue.
    ///
    /// # Errors
    /// If the job was rejected, if it panicked, or if it was dropped without running.
    ///
    /// ```
    /// use soiree_pool::{WaitError, WorkerPool};
    ///
    /// let pool = WorkerPool::new(2, 10)?;
    /// pool.submit_and_wait(|| {})?;
    /// let failed = pool.submit_and_wait(|| panic!("no disk"));
    /// assert!(matches!(failed, Err(WaitError::Panicked(panic)) if panic.message() == "no disk"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_and_wait(&self, job: impl Into<Job>) -> Result<(), WaitError> {
        Pool::submit_and_wait(self, job.into())
    }

    /// Submits a job that runs only if it starts by `deadline`. Otherwise it is dropped and counted as expired.
    ///
    /// The deadline does not limit how long `submit_before` blocks, nor how long the job runs.
    ///
    /// # Errors
    /// As [`submit`](WorkerPool::submit). A job that expires after it was accepted is no error; see
    /// [`PoolStats::expired`](soiree_core::PoolStats::expired).
    pub fn submit_before(&self, job: impl Into<Job>, deadline: Instant) -> Result<(), SubmitError> {
        self.submit(job.into().before(deadline))
    }

    /// Changes the worker limit. Does not wait for workers to exit.
    ///
    /// A lower limit holds for every job that has not started. It interrupts no job: workers above the limit exit when their job
    /// ends. A higher limit starts workers at once for waiting jobs and for blocked submitters. It is no error if a thread cannot
    /// be started then: the other workers run the jobs.
    ///
    /// # Errors
    /// If `max_workers` is 0, below `min_workers`, or above [`MAX_WORKERS`](soiree_core::MAX_WORKERS). The limit stays as it was.
    ///
    /// ```
    /// use soiree_pool::{Pool, ResizeError, WorkerPool};
    ///
    /// let pool = WorkerPool::new(4, 100)?;
    /// pool.resize(2)?;
    /// assert_eq!(pool.resize(0), Err(ResizeError::NoWorkers));
    /// assert_eq!(pool.stats().max_workers, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.requeue(job)
    }

    fn run_queued(&self, id: JobId) -> bool {
        self.shared.run_queued(id)
    }

    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        self.shared.try_reserve()
    }

    fn reserves_places(&self) -> bool {
        self.shared.capacity > 0
    }

    fn reserve(&self) -> Option<Reserve> {
        Some(self.shared.reserve())
    }

    fn stop(&self) {
        self.shared.stop();
    }

    fn stop_and_take_jobs(&self) -> Vec<Job> {
        self.shared.stop_and_take_jobs()
    }

    fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    fn wait_idle(&self, deadline: Instant) -> bool {
        self.shared.wait_idle(deadline)
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
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
        self.shared.submit_inline(job).map(EndedJob::into_outcome)
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
