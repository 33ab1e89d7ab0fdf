//! The pool, and why it may not be made.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, PoolOptions, delegate_pool};

use crate::executor::RayonExecutor;

/// A bounded pool over a [`rayon::ThreadPool`](https://docs.rs/rayon).
///
/// [`submit`](RayonPool::submit) blocks while the queue is full, unless the overflow policy says otherwise. It never blocks a
/// thread of the rayon pool, because that may be the thread that has to make room. Where the policy says to block:
///
/// - Inside a job of this pool, the new job runs inline instead.
/// - On a rayon thread that runs something else, the new job is rejected.
///
/// A rayon thread that *waits* for a job ([`submit_and_wait`](RayonPool::submit_and_wait), `wait` of an emission) runs it at
/// once, in addition to the jobs that the limit allows. `close` of an `EventPool` on this pool returns an error on a rayon
/// thread.
///
/// A job that calls rayon (`join`, parallel iterators) may run other jobs of this pool inside itself, because rayon runs whatever
/// it finds while it waits. So do not hold a lock during such a call if another job takes the same lock: they would deadlock.
///
/// Jobs start in the order in which they were accepted; with more than one worker they end in any order.
///
/// Rayon prefers what its own threads spawn to what comes from outside. So while jobs of this pool wait, closures that other code
/// spawns onto the same threads from outside wait too. To keep threads free for them, choose fewer workers than threads.
///
/// Dropping the pool closes it and does not wait: the accepted jobs still run.
///
/// ```
/// use soiree_rayon::{Pool, RayonPool};
///
/// let pool = RayonPool::new(2, 100)?;
/// pool.submit_and_wait(|| println!("on a rayon thread"))?;
/// pool.release();
/// assert_eq!(pool.stats().successful, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RayonPool {
    pool: BoundedPool<RayonExecutor>,
}

/// Why a pool was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RayonError {
    /// An option is invalid.
    #[error(transparent)]
    Options(#[from] InvalidPoolOptions),
    /// The threads could not be started.
    #[error("the {max_workers} threads of the pool {name:?} could not be started: {source}")]
    Threads {
        /// The number of threads to start.
        max_workers: usize,
        /// The name of the pool.
        name: Box<str>,
        /// The reason.
        source: ThreadPoolBuildError,
    },
    /// The worker limit is above the number of threads: of the shared pool, or of any rayon pool.
    #[error("max_workers is {max_workers}, and the rayon pool has at most {threads} threads")]
    TooFewThreads {
        /// The worker limit.
        max_workers: usize,
        /// The number of threads that the rayon pool has, or can have at most.
        threads: usize,
    },
}

impl RayonPool {
    /// Makes a pool with a rayon pool of its own. Runs at most `max_workers` jobs at once, on as many threads, and lets at most
    /// `capacity` wait. Starts all threads before it returns.
    ///
    /// # Errors
    /// If an option is invalid, or the threads cannot be started.
    pub fn new(max_workers: usize, capacity: usize) -> Result<Self, RayonError> {
        Self::with_options(PoolOptions::new(max_workers, capacity))
    }

    /// As [`new`](RayonPool::new), with a name for the pool and its threads, an overflow policy or a panic handler.
    ///
    /// # Errors
    /// As [`new`](RayonPool::new).
    pub fn with_options(options: PoolOptions) -> Result<Self, RayonError> {
        options.check()?;
        let name = options.name.clone();
        let max_workers = options.max_workers;
        let threads = rayon::max_num_threads();
        if max_workers > threads {
            // Rayon would start fewer threads, without an error.
            return Err(RayonError::TooFewThreads {
                max_workers,
                threads,
            });
        }
        let threads = {
            let name = name.clone();
            ThreadPoolBuilder::new()
                .num_threads(max_workers)
                .thread_name(move |number| format!("{name}-{number}"))
                .build()
        };
        let threads = threads.map_err(|source| RayonError::Threads {
            max_workers,
            name,
            source,
        })?;
        let pool = BoundedPool::new(RayonExecutor::Own(threads), options)?;
        Ok(Self { pool })
    }

    /// Makes a pool on the threads of a rayon pool that other code uses too. Keeps the rayon pool alive until this pool is
    /// closed and its last job has ended.
    ///
    /// The pool cannot know how many threads are idle: `running` is the number of its active jobs, and `idle` is 0. A job
    /// counts as active once rayon has been asked to run it, even while all threads are busy with other work.
    ///
    /// # Errors
    /// If an option is invalid, or the rayon pool has fewer threads than the pool has workers.
    pub fn shared(threads: Arc<ThreadPool>, options: PoolOptions) -> Result<Self, RayonError> {
        let max_workers = options.max_workers;
        if max_workers > threads.current_num_threads() {
            return Err(RayonError::TooFewThreads {
                max_workers,
                threads: threads.current_num_threads(),
            });
        }
        let pool = BoundedPool::new(RayonExecutor::Shared(threads), options)?;
        Ok(Self { pool })
    }

    /// The name from the options.
    pub fn name(&self) -> &str {
        self.pool.name()
    }
}

delegate_pool!(RayonPool, pool);
