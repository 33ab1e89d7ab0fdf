//! What every pool can do.

/// Jobs that may wait, where that can be bounded.
pub(crate) const CAPACITY: usize = 1024;

/// A pool that somebody else wrote.
pub(crate) trait JobPool: Send + Sync + 'static {
    fn with_workers(workers: usize) -> Self;

    fn submit(&self, job: impl FnOnce() + Send + 'static);
}
