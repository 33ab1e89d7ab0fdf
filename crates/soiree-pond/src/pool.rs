//! The pool, and why it may not be made.

use std::io;

use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, Pool, PoolOptions, delegate_pool};

use crate::executor::ThreadPoolExecutor;

/// A bounded pool over [`threadpool::ThreadPool`](https://docs.rs/threadpool).
///
/// Starts one thread for each worker when it is made. The threads stay until the pool ends, so `running` is the number of
/// threads and `min_workers` equals `max_workers`. A [`resize`](Pool::resize) to more workers starts the missing threads. After
/// a resize to fewer, the threads above the limit stay, but get no jobs and do not count as workers.
///
/// Jobs start in the order in which they were accepted; with more than one worker they end in any order.
/// [`submit`](PondPool::submit) blocks while the queue is full, unless the overflow policy says otherwise or the caller runs a
/// job of this pool. A panic of a job is counted and costs no thread.
///
/// Dropping the pool closes it and does not wait: the accepted jobs still run, then the threads end.
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
    pool: BoundedPool<ThreadPoolExecutor>,
}

/// Why a pool was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PondError {
    /// An option is invalid.
    #[error(transparent)]
    Options(#[from] InvalidPoolOptions),
    /// The threads could not be started.
    #[error("the {max_workers} threads of the pool {name:?} could not be started: {source}")]
    Spawn {
        /// The number of threads to start.
        max_workers: usize,
        /// The name of the pool.
        name: Box<str>,
        /// The reason.
        source: io::Error,
    },
    /// The worker limit is above the number of threads of the shared pool.
    #[error("max_workers is {max_workers}, and the shared pool has {threads} threads")]
    TooFewThreads {
        /// The worker limit.
        max_workers: usize,
        /// The number of threads of the shared pool.
        threads: usize,
    },
}

impl PondPool {
    /// Makes a pool that runs at most `max_workers` jobs at once and lets at most `max_capacity` wait. Starts all threads
    /// before it returns.
    ///
    /// # Errors
    /// If an option is invalid, or the threads cannot be started.
    #[doc(alias = "NewPondPool")]
    pub fn new(max_workers: usize, max_capacity: usize) -> Result<Self, PondError> {
        Self::with_options(PoolOptions::new(max_workers, max_capacity))
    }

    /// As [`new`](PondPool::new), with a name for the pool and its threads.
    ///
    /// # Errors
    /// As [`new`](PondPool::new), and if the name contains a NUL character.
    #[doc(alias = "NewNamedPondPool")]
    pub fn named(
        max_workers: usize,
        max_capacity: usize,
        name: impl Into<Box<str>>,
    ) -> Result<Self, PondError> {
        Self::with_options(PoolOptions::new(max_workers, max_capacity).name(name))
    }

    /// As [`named`](PondPool::named), with an overflow policy or a panic handler.
    ///
    /// # Errors
    /// As [`named`](PondPool::named).
    pub fn with_options(options: PoolOptions) -> Result<Self, PondError> {
        options.check()?;
        let (name, max_workers) = (&*options.name, options.max_workers);
        let threads =
            ThreadPoolExecutor::start(name, max_workers).map_err(|source| PondError::Spawn {
                max_workers,
                name: name.into(),
                source,
            })?;
        let pool = BoundedPool::new(threads, options)?;
        Ok(Self { pool })
    }

    /// Makes a pool on the threads of a `ThreadPool` that other code uses too. The pool neither starts nor ends those threads.
    ///
    /// The pool cannot know how many of them are idle: `running` is the number of its active jobs, and `idle` is 0. A job
    /// counts as active once the threads have been asked to run it, even while they are all busy with other closures.
    ///
    /// A closure that other code runs on these threads must not wait for this pool: the pool does not recognize its thread, so
    /// the closure can block the thread that it waits for, without end.
    ///
    /// A [`resize`](Pool::resize) above the number of threads is rejected.
    ///
    /// # Errors
    /// If an option is invalid, or the `ThreadPool` has fewer threads than the pool has workers.
    pub fn shared(
        threads: threadpool::ThreadPool,
        options: PoolOptions,
    ) -> Result<Self, PondError> {
        let max_workers = options.max_workers;
        if max_workers > threads.max_count() {
            return Err(PondError::TooFewThreads {
                max_workers,
                threads: threads.max_count(),
            });
        }
        let pool = BoundedPool::new(ThreadPoolExecutor::shared(threads), options)?;
        Ok(Self { pool })
    }

    /// The name from the options.
    pub fn name(&self) -> &str {
        self.pool.name()
    }

    /// The number of live workers; pond's name for [`running`](Pool::running).
    pub fn running_workers(&self) -> usize {
        self.running()
    }

    /// The worker limit: how many jobs may run at once.
    pub fn max_workers(&self) -> usize {
        self.stats().max_workers
    }

    /// The number of workers that stay when idle.
    pub fn min_workers(&self) -> usize {
        self.stats().min_workers
    }

    /// How many jobs may wait at once.
    pub fn max_capacity(&self) -> usize {
        self.stats().capacity
    }

    /// Rejects new jobs and blocks until all accepted jobs have ended, however long that takes; pond's name for
    /// [`release`](Pool::release). With a limit: [`stop_and_wait_for`](Pool::stop_and_wait_for), which is pond's `StopAndWaitFor`.
    pub fn stop_and_wait(&self) {
        self.release();
    }
}

delegate_pool!(PondPool, pool);
