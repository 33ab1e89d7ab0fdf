//! Options of a pool, and building one.

use std::fmt;
use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use soiree_core::{InvalidPoolOptions, Overflow, PanicPayload, PoolOptions, WorkerContext};

use crate::counters::Counters;
use crate::pool::WorkerPool;
use crate::shared::{PanicHandler, Shared, SpawnHandler};
use crate::state::State;
use crate::strategy::{Eager, Strategy};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Condvar, Mutex};

/// The pool was not built because an option is invalid. The message names the option and its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A limit or the name is invalid.
    #[error(transparent)]
    Options(#[from] InvalidPoolOptions),
    /// The pool would keep more idle workers than its limit allows.
    #[error("min_workers is {min}, but max_workers is only {max}")]
    MinAboveMax {
        /// `min_workers`.
        min: usize,
        /// `max_workers`.
        max: usize,
    },
    /// Workers would exit before they could find a job.
    #[error("idle_timeout is 0; set a timeout above 0, or set min_workers to keep idle workers")]
    ZeroIdleTimeout,
}

/// Builds a [`WorkerPool`]. Every option has a default.
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
///     .panic_handler(|payload| eprintln!("an upload panicked: {}", payload.message()))
///     .spawn_handler(|builder, body| builder.stack_size(1 << 20).spawn(body).map(drop))
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
    /// Builds a pool of at most `max_workers` workers and `capacity` waiting jobs, with the builder's defaults for all else.
    ///
    /// # Errors
    /// As [`WorkerPoolBuilder::build`].
    pub fn new(max_workers: usize, capacity: usize) -> Result<Self, BuildError> {
        Self::builder()
            .max_workers(max_workers)
            .capacity(capacity)
            .build()
    }

    /// Builds a pool with the options that all pools have, and the builder's defaults for all else.
    ///
    /// ```
    /// use soiree_pool::{Overflow, Pool, PoolOptions, WorkerPool};
    ///
    /// let options = PoolOptions::new(2, 16).name("uploads").overflow(Overflow::Reject);
    /// let uploads = WorkerPool::with_options(options)?;
    /// assert_eq!(uploads.stats().capacity, 16);
    /// # Ok::<(), soiree_pool::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As [`WorkerPoolBuilder::build`].
    pub fn with_options(options: PoolOptions) -> Result<Self, BuildError> {
        Self::builder().options(options).build()
    }

    /// Returns a builder with the default options.
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

    /// Takes over the options that all pools have: the name, the limits, the overflow policy, and the panic handler.
    pub fn options(mut self, options: PoolOptions) -> Self {
        self.name = options.name;
        self.max_workers = options.max_workers;
        self.capacity = options.capacity;
        self.overflow = options.overflow;
        let handler = options.panic_handler;
        self.panic_handler =
            handler.map(|handler| -> PanicHandler { Box::new(move |payload| handler(payload)) });
        self
    }

    /// Names the pool. Its threads are called `name-0`, `name-1` and so on. Default: `worker`.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// How many workers stay when they are idle. They are not started in advance, but as jobs come. Default: 0.
    pub fn min_workers(mut self, workers: usize) -> Self {
        self.min_workers = workers;
        self
    }

    /// The worker limit: how many workers may live at once, and so how many jobs the workers run at once. Default: the number of
    /// cores.
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = workers;
        self
    }

    /// How many jobs may wait. With 0, a job is accepted only if a worker can take it at once. Default: 1,024.
    pub fn capacity(mut self, jobs: usize) -> Self {
        self.capacity = jobs;
        self
    }

    /// How long a worker above `min_workers` may be idle before it exits. Default: 10 seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Decides when to start another worker. Default: [`Eager`].
    pub fn strategy(mut self, strategy: impl Strategy + 'static) -> Self {
        self.strategy = Box::new(strategy);
        self
    }

    /// What a submitter gets when the queue is full and the worker limit is reached. Default: [`Overflow::Block`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Calls `handler` with the payload of every job that panics, on the thread that ran the job. A worker takes its next job only
    /// after the handler has returned. If the handler itself panics, that panic is caught and dropped. Default: no handler.
    pub fn panic_handler(
        mut self,
        handler: impl Fn(&PanicPayload) + Send + Sync + 'static,
    ) -> Self {
        self.panic_handler = Some(Box::new(handler));
        self
    }

    /// Starts the threads of the pool in place of [`thread::Builder::spawn`], for example to set a stack size or a CPU affinity.
    ///
    /// `spawn` gets a builder that carries the thread's name, and the body of the thread. If it returns `Ok`, it has to run the
    /// body on a new thread, exactly once. If it returns an error or panics, the pool goes on with the workers it has. If it has
    /// none, the submitter gets [`SubmitErrorReason::Spawn`](soiree_core::SubmitErrorReason::Spawn).
    ///
    /// A thread that drops the body unrun, because something before it panics, counts as one that could not be started. If jobs
    /// were accepted for it meanwhile and no other worker can take them, that thread runs them, or another one in its place.
    ///
    /// `spawn` runs on submitting threads and on workers. It may use the pool and even stop it, but must not wait for it: a
    /// handler that releases the pool, or waits for one of its jobs, can deadlock.
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

    /// Builds the pool. Starts no thread; the first job does.
    ///
    /// # Errors
    /// If an option is invalid: no workers, more workers or waiting jobs than [`MAX_WORKERS`](soiree_core::MAX_WORKERS) and
    /// [`MAX_CAPACITY`](soiree_core::MAX_CAPACITY), a capacity that cannot be allocated, a NUL character in the name,
    /// `min_workers` above `max_workers`, or an idle timeout of 0.
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
            worker_exited: Condvar::new(),
            became_idle: Condvar::new(),
            idle_waiters: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            max_workers: AtomicUsize::new(self.max_workers),
            blocked: AtomicUsize::new(0),
            requeued: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            peak_live: AtomicUsize::new(0),
            peak_queued: AtomicUsize::new(0),
            worker_context: WorkerContext::new(),
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
