//! What a case asks of a factory.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use soiree_core::Overflow;

/// Starts a thread: gets a builder and the thread's body, which it has to run on a new thread if it returns `Ok`.
///
/// Of the type that `WorkerPoolBuilder::spawn_handler` takes, inside an [`Arc`].
pub type SpawnHandler =
    Arc<dyn Fn(thread::Builder, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

/// The pool that a case of the suite needs.
///
/// A factory honours `max_workers` always, and every other field unless the description of the pool says that it cannot
/// (see [`pool_conformance!`](crate::pool_conformance)). The pool has to start a worker as soon as a job would wait for one.
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
    /// How many workers may live at once, and how many jobs may run at once. At least 1.
    pub max_workers: usize,
    /// How many workers stay when idle. Missing in a pool without `min_workers`.
    pub min_workers: usize,
    /// How many jobs may wait at once; 0 hands them over directly. Missing in a pool without `bounded_queue`.
    pub capacity: usize,
    /// How long a worker above the minimum stays without a job. Missing in a pool without `idle_timeout`.
    pub idle_timeout: Duration,
    /// What happens when the queue is full: [`Overflow::Block`] in all cases but those that need `overflow`.
    pub overflow: Overflow,
    /// What starts the threads, in place of [`thread::Builder::spawn`]. `Some` only in cases that need `spawn`.
    pub spawn: Option<SpawnHandler>,
}

impl PoolSpec {
    /// So many workers and so many waiting jobs. No worker stays when idle for 10 seconds, and a full queue blocks.
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
