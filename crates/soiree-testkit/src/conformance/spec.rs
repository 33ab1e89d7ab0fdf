//! The limits of the pool that a case needs.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use soiree_core::Overflow;

/// Starts a thread of the pool under test: runs the body on a new thread made by the builder, or returns an error.
///
/// The cases of promise P8 use it to let threads fail to start. `WorkerPoolBuilder::spawn_handler` takes a closure of the same
/// signature.
pub type SpawnHandler =
    Arc<dyn Fn(thread::Builder, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

/// The limits of the pool that a case needs. The factory gets it and must make such a pool.
///
/// Always apply `max_workers`. Apply every other field unless you listed its capability under `without` (see
/// [`pool_conformance!`](crate::pool_conformance)); each field says which one. The pool must start a worker whenever a job
/// would have to wait for one and `max_workers` allows it.
///
/// ```
/// use soiree_pool::WorkerPool;
/// use soiree_testkit::PoolSpec;
///
/// let spec = PoolSpec::new(2, 8);
/// let pool = WorkerPool::new(spec.max_workers, spec.capacity)?;
/// # Ok::<(), soiree_pool::BuildError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct PoolSpec {
    /// The most workers that may live, and the most jobs that may run, at once. At least 1.
    pub max_workers: usize,
    /// How many workers stay when idle. Ignore it without the capability `min_workers`.
    pub min_workers: usize,
    /// How many jobs may wait in the queue. With 0, a job goes directly to a free worker. Ignore it without the capability
    /// `bounded_queue`; it is never 0 without `direct_handoff`.
    pub capacity: usize,
    /// How long a worker above `min_workers` stays without a job. Ignore it without the capability `idle_timeout`.
    pub idle_timeout: Duration,
    /// What a full queue does. [`Overflow::Block`] in all cases except those that need the capability `overflow`.
    pub overflow: Overflow,
    /// Starts the threads in place of [`thread::Builder::spawn`]. `None` in all cases except those that need the capability
    /// `spawn`.
    pub spawn: Option<SpawnHandler>,
}

impl PoolSpec {
    /// Creates a spec with these limits, no `min_workers`, an idle timeout of 10 seconds, and a full queue that blocks.
    pub fn new(max_workers: usize, capacity: usize) -> Self {
        Self {
            max_workers,
            min_workers: 0,
            capacity,
            idle_timeout: Duration::from_secs(10),
            overflow: Overflow::Block,
            spawn: None,
        }
    }
}

impl fmt::Debug for PoolSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSpec")
            .field("max_workers", &self.max_workers)
            .field("min_workers", &self.min_workers)
            .field("capacity", &self.capacity)
            .field("idle_timeout", &self.idle_timeout)
            .field("overflow", &self.overflow)
            .field("spawn", &self.spawn.is_some())
            .finish()
    }
}
