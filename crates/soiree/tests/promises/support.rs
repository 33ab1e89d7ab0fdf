//! What the tests share.

use std::thread;
use std::time::{Duration, Instant};

use soiree::WorkerPool;

/// Far longer than any condition needs to come true.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Waits until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        thread::yield_now();
    }
}

pub(crate) fn worker_pool(name: &str, workers: usize, capacity: usize) -> WorkerPool {
    let builder = WorkerPool::builder().name(name).max_workers(workers);
    builder.capacity(capacity).build().unwrap()
}
