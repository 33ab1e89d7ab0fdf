//! The pool.

use std::io;

use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, Pool, PoolOptions, delegate_pool};

use crate::threads::Threads;

/// A bounded pool over [`threadpool::ThreadPool`].
///
/// As many threads as workers are started when it is made, and stay until it ends: `running` is the number of threads, and
/// `min_workers` equals `max_workers`. After a resize to fewer workers, the threads above the limit stay, but get no jobs and
/// do not count.
///
/// Dropping it is a [`release`](Pool::release) that does not wait: what was accepted still runs, then the threads end.
///
/// ```
/// use soiree_pond::PondPool;
///
/// let pool = PondPool::new(4, 100)?;
/// for _ in 0..10 {
///     pool.submit(|| println!("hello from a pond"))?;
/// }
/// pool.stop_and_wait();
/// assert_eq!(pool.successful_tasks(), 10);
/// # use soiree_pond::Pool;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PondPool {
    pool: BoundedPool<Threads>,
}

/// A pool was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PondError {
    /// An option makes no sense.
    #[error(transparent)]
    Options(#[from] InvalidPoolOptions),
    /// Its threads could not be started.
    #[error("the {max_workers} threads of the pool {name:?} could not be started: {source}")]
    Spawn {
        /// How many were to be started.
        max_workers: usize,
        /// The name of the pool.
        name: Box<str>,
        /// Why not.
        source: io::Error,
    },
    /// More jobs were to run at once than the shared pool has threads.
    #[error("max_workers is {max_workers}, and the shared pool has {threads} threads")]
    TooFewThreads {
        /// The worker limit.
        max_workers: usize,
        /// The threads of the shared pool.
        threads: usize,
    },
}

impl PondPool {
    /// A pool of so many workers, with at most so many jobs waiting.
    ///
    /// # Errors
    /// If an option makes no sense, or the threads cannot be started.
    pub fn new(max_workers: usize, max_capacity: usize) -> Result<Self, PondError> {
        Self::with_options(PoolOptions::new(max_workers, max_capacity))
    }

    /// As [`new`](PondPool::new); the pool's threads bear the name.
    ///
    /// # Errors
    /// As [`new`](PondPool::new), and if the name holds a NUL.
    pub fn named(
        max_workers: usize,
        max_capacity: usize,
        name: impl Into<Box<str>>,
    ) -> Result<Self, PondError> {
        Self::with_options(PoolOptions::new(max_workers, max_capacity).name(name))
    }

    /// A pool with an overflow policy or a panic handler of your choice.
    ///
    /// # Errors
    /// As [`named`](PondPool::named).
    pub fn with_options(options: PoolOptions) -> Result<Self, PondError> {
        options.check()?;
        let (name, max_workers) = (options.get_name(), options.get_max_workers());
        let threads = Threads::start(name, max_workers).map_err(|source| PondError::Spawn {
            max_workers,
            name: name.into(),
            source,
        })?;
        let pool = BoundedPool::new(threads, options)?;
        Ok(Self { pool })
    }

    /// A pool on the threads of a `ThreadPool` that others use as well; they are neither started nor ended here.
    ///
    /// How many of them are idle cannot be known: those that run jobs of this pool are `running`, and `idle` is 0. Jobs that
    /// others give to the threads and that wait for this pool can keep it from going on.
    ///
    /// # Errors
    /// If an option makes no sense, or there are fewer threads than workers.
    pub fn shared(
        threads: threadpool::ThreadPool,
        options: PoolOptions,
    ) -> Result<Self, PondError> {
        let max_workers = options.get_max_workers();
        if max_workers > threads.max_count() {
            return Err(PondError::TooFewThreads {
                max_workers,
                threads: threads.max_count(),
            });
        }
        let pool = BoundedPool::new(Threads::shared(threads), options)?;
        Ok(Self { pool })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.pool.name()
    }

    /// Live workers: [`running`](Pool::running) in pond's words.
    pub fn running_workers(&self) -> usize {
        self.running()
    }

    /// Workers that may live at once.
    pub fn max_workers(&self) -> usize {
        self.stats().max_workers
    }

    /// Workers that stay when idle.
    pub fn min_workers(&self) -> usize {
        self.stats().min_workers
    }

    /// Jobs that may wait at once.
    pub fn max_capacity(&self) -> usize {
        self.stats().capacity
    }

    /// Refuses new jobs and waits until those that were accepted have run: [`release`](Pool::release) in pond's words.
    pub fn stop_and_wait(&self) {
        self.release();
    }
}

delegate_pool!(PondPool, pool);
