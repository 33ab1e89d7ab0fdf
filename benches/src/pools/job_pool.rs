//! The interface of all pools that are compared.

/// How many jobs may wait, for pools whose queue can be bounded.
pub(crate) const CAPACITY: usize = 1024;

/// A pool that runs jobs.
pub(crate) trait JobPool: Send + Sync + 'static {
    /// Starts a pool with exactly this many workers.
    fn with_workers(workers: usize) -> Self;

    /// Submits a job. Blocks while the queue is full, if the queue is bounded.
    fn submit(&self, job: impl FnOnce() + Send + 'static);
}
