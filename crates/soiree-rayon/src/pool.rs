//! The pool.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, PoolOptions, delegate_pool};

use crate::threads::Threads;

/// A bounded pool over a [`rayon::ThreadPool`].
///
/// No thread of the rayon pool ever waits for this pool, since it may be the one that is needed. Inside a job of the pool, what
/// finds no place runs inline. On a rayon thread that does something else, a submitter that finds no place is refused, whatever
/// the policy; and what it *waits for* ([`submit_and_wait`](RayonPool::submit_and_wait), an emission's `wait`) runs on it at once,
/// beside the jobs that the limit allows. Nor can an `EventPool` on this pool be closed there.
///
/// A job that uses rayon (`join`, parallel iterators) may be interrupted by other jobs on its own thread: rayon runs what it
/// finds while it waits. So a job must not hold a lock over such a call that another job takes.
///
/// Rayon runs what its own threads spawn before what comes from outside. So while jobs of this pool wait, what others spawn
/// from outside onto the same threads waits as well; with fewer workers than threads, the other threads are free for it.
///
/// Dropping the pool is a [`release`](soiree_core::Pool::release) that does not wait: what was accepted still runs.
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
    pool: BoundedPool<Threads>,
}

/// A pool was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RayonError {
    /// An option makes no sense.
    #[error(transparent)]
    Options(#[from] InvalidPoolOptions),
    /// The pool could not be made with so many threads.
    #[error("the {max_workers} threads of the pool {name:?} could not be started: {source}")]
    Threads {
        /// How many were to be started.
        max_workers: usize,
        /// The name of the pool.
        name: Box<str>,
        /// Why not.
        source: ThreadPoolBuildError,
    },
    /// More jobs were to run at once than the shared pool has threads, or than any rayon pool can have.
    #[error("max_workers is {max_workers}, and the rayon pool has at most {threads} threads")]
    TooFewThreads {
        /// The worker limit.
        max_workers: usize,
        /// The threads that there can be.
        threads: usize,
    },
}

impl RayonPool {
    /// A pool with a rayon pool of its own, of so many threads, and at most so many jobs waiting.
    ///
    /// # Errors
    /// If an option makes no sense, or the threads cannot be started.
    pub fn new(max_workers: usize, capacity: usize) -> Result<Self, RayonError> {
        Self::with_options(PoolOptions::new(max_workers, capacity))
    }

    /// As [`new`](RayonPool::new), with a name for its threads, an overflow policy or a panic handler.
    ///
    /// # Errors
    /// As [`new`](RayonPool::new).
    pub fn with_options(options: PoolOptions) -> Result<Self, RayonError> {
        options.check()?;
        let name = Box::<str>::from(options.get_name());
        let max_workers = options.get_max_workers();
        let threads = rayon::max_num_threads();
        if max_workers > threads {
            // Rayon would start fewer and not say so.
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
        let pool = BoundedPool::new(Threads::Own(threads), options)?;
        Ok(Self { pool })
    }

    /// A pool on the threads of a rayon pool that others use as well. It keeps the rayon pool alive until it has ended.
    ///
    /// How many threads are idle cannot be known: those that run jobs of this pool are `running`, and `idle` is 0.
    ///
    /// # Errors
    /// If an option makes no sense, or there are fewer threads than workers.
    pub fn shared(threads: Arc<ThreadPool>, options: PoolOptions) -> Result<Self, RayonError> {
        let max_workers = options.get_max_workers();
        if max_workers > threads.current_num_threads() {
            return Err(RayonError::TooFewThreads {
                max_workers,
                threads: threads.current_num_threads(),
            });
        }
        let pool = BoundedPool::new(Threads::Shared(threads), options)?;
        Ok(Self { pool })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.pool.name()
    }
}

delegate_pool!(RayonPool, pool);
