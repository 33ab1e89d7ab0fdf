//! Making a `WorkerPool`.

use std::fmt;
use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use soiree_core::{InvalidPoolOptions, Nesting, Overflow, PanicPayload, PoolOptions};

use crate::counters::Counters;
use crate::pool::WorkerPool;
use crate::shared::{PanicHandler, Shared, SpawnHandler};
use crate::state::State;
use crate::strategy::{Eager, Strategy};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Condvar, Mutex};

/// A pool was not made: the option, and the value it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A limit or the name makes no sense.
    #[error(transparent)]
    Options(#[from] InvalidPoolOptions),
    /// More workers are to stay than may live.
    #[error("min_workers is {min}, above max_workers, which is {max}")]
    MinAboveMax {
        /// The minimum.
        min: usize,
        /// The maximum.
        max: usize,
    },
    /// Workers would leave before they could find a job.
    #[error("idle_timeout is 0; use a timeout above 0, or min_workers to keep workers")]
    ZeroIdleTimeout,
}

/// Makes a [`WorkerPool`].
///
/// ```
/// use soiree_pool::{Overflow, WorkerPool};
/// use std::time::Duration;
///
/// let uploads = WorkerPool::builder()
///     .name("uploads")
///     .max_workers(2)
///     .capacity(16)
///     .overflow(Overflow::BlockFor(Duration::from_millis(50)))
///     .build()?;
/// # Ok::<(), soiree_pool::BuildError>(())
/// ```
#[must_use]
pub struct WorkerPoolBuilder {
    name: Box<str>,
    min_workers: usize,
    max_workers: usize,
    capacity: usize,
    idle_timeout: Duration,
    strategy: Box<dyn Strategy>,
    overflow: Overflow,
    panic_handler: Option<PanicHandler>,
    spawn_handler: SpawnHandler,
}

impl WorkerPool {
    /// A pool of at most so many workers, with at most so many jobs waiting; otherwise as the builder's defaults.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn new(max_workers: usize, capacity: usize) -> Result<Self, BuildError> {
        Self::builder()
            .max_workers(max_workers)
            .capacity(capacity)
            .build()
    }

    /// Starts from the defaults.
    pub fn builder() -> WorkerPoolBuilder {
        WorkerPoolBuilder::new()
    }
}

impl WorkerPoolBuilder {
    pub(crate) fn new() -> Self {
        Self {
            name: "worker".into(),
            min_workers: 0,
            max_workers: thread::available_parallelism().map_or(1, usize::from),
            capacity: 1024,
            idle_timeout: Duration::from_secs(10),
            strategy: Box::new(Eager),
            overflow: Overflow::Block,
            panic_handler: None,
            spawn_handler: Box::new(|builder, body| builder.spawn(body).map(drop)),
        }
    }

    /// Names the pool; its threads are called `name-0`, `name-1` and so on. `worker` unless set.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// How many workers stay when they have nothing to do. Workers are started as jobs come. 0 unless set.
    pub fn min_workers(mut self, workers: usize) -> Self {
        self.min_workers = workers;
        self
    }

    /// How many workers may live at once, and so how many jobs may run at once. The number of cores unless set.
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = workers;
        self
    }

    /// How many jobs may wait at once. With 0, a job is handed to a worker directly. 1,024 unless set.
    pub fn capacity(mut self, jobs: usize) -> Self {
        self.capacity = jobs;
        self
    }

    /// How long a worker above the minimum stays without a job. 10 seconds unless set.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// When to start another worker. [`Eager`] unless set.
    pub fn strategy(mut self, strategy: impl Strategy + 'static) -> Self {
        self.strategy = Box::new(strategy);
        self
    }

    /// What happens when the queue is full. [`Overflow::Block`] unless set.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sees what each job panics with, on the thread that ran it. If it panics itself, that is dropped.
    pub fn panic_handler(
        mut self,
        handler: impl Fn(&PanicPayload) + Send + Sync + 'static,
    ) -> Self {
        self.panic_handler = Some(Box::new(handler));
        self
    }

    /// Starts the threads, in place of [`thread::Builder::spawn`]: to set stack sizes or affinities, say. It gets a builder
    /// with the thread's name and the thread's body, which it has to run on a new thread if it returns `Ok`.
    /// It may use the pool, stop it as well, but must not wait for it.
    pub fn spawn_handler(
        mut self,
        spawn: impl Fn(thread::Builder, Box<dyn FnOnce() + Send>) -> io::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.spawn_handler = Box::new(spawn);
        self
    }

    /// Makes the pool. Starts no thread yet.
    ///
    /// # Errors
    /// If an option makes no sense; the error names the option and its value.
    pub fn build(self) -> Result<WorkerPool, BuildError> {
        PoolOptions::new(self.max_workers, self.capacity)
            .name(self.name.clone())
            .check()?;
        if self.min_workers > self.max_workers {
            let (min, max) = (self.min_workers, self.max_workers);
            return Err(BuildError::MinAboveMax { min, max });
        }
        if self.idle_timeout.is_zero() {
            return Err(BuildError::ZeroIdleTimeout);
        }
        let shared = Shared {
            name: self.name,
            capacity: self.capacity,
            min_workers: self.min_workers,
            idle_timeout: self.idle_timeout,
            strategy: self.strategy,
            overflow: self.overflow,
            panic_handler: self.panic_handler,
            spawn_handler: self.spawn_handler,
            state: CachePadded::new(Mutex::new(State::new(self.max_workers, self.capacity))),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
            worker_exited: Condvar::new(),
            queued: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            max_workers: AtomicUsize::new(self.max_workers),
            worker_context: Nesting::new(),
            next_worker_number: AtomicU64::new(0),
            counters: Counters::new(),
        };
        Ok(WorkerPool::from_shared(Arc::new(shared)))
    }
}

impl fmt::Debug for WorkerPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPoolBuilder")
            .field("name", &self.name)
            .field("min_workers", &self.min_workers)
            .field("max_workers", &self.max_workers)
            .field("capacity", &self.capacity)
            .field("idle_timeout", &self.idle_timeout)
            .field("overflow", &self.overflow)
            .finish_non_exhaustive()
    }
}
