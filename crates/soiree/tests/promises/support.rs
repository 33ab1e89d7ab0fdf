//! What the tests share.

use std::time::Duration;

use soiree::WorkerPool;

/// Far longer than any condition needs to come true.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn worker_pool(name: &str, workers: usize, capacity: usize) -> WorkerPool {
    let builder = WorkerPool::builder().name(name).max_workers(workers);
    builder.capacity(capacity).build().unwrap()
}
