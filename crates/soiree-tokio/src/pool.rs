//! The pool of blocking threads.

use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, PoolOptions, delegate_pool};
use tokio::runtime::Handle;

use crate::blocking_executor::BlockingExecutor;

/// A bounded pool over the blocking threads of a Tokio runtime.
///
/// The runtime starts threads when they are needed, up to its own limit (`max_blocking_threads`, 512 by default), and ends them
/// when they have been idle for `thread_keep_alive`. Other code uses them too: keep `max_workers` well below that limit, because
/// blocking closures of other code can keep the jobs of this pool from starting. The pool cannot know how many threads are idle:
/// `running` is the number of its active jobs, and `idle` is 0.
///
/// [`submit`](TokioPool::submit) blocks while the queue is full, unless the overflow policy says otherwise or the caller runs a
/// job of this pool. On an async worker thread use `try_submit`, or the policy
/// [`Overflow::Reject`](soiree_core::Overflow::Reject).
///
/// Jobs start in the order in which they were accepted; with more than one worker they end in any order.
///
/// When the runtime shuts down, running jobs go on to their end, jobs that the runtime no longer starts are discarded and
/// counted, and new jobs are rejected.
///
/// Dropping the pool closes it and does not wait: the accepted jobs still run, as long as the runtime lives.
///
/// ```
/// use soiree_tokio::{Pool, TokioPool};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let pool = TokioPool::new(runtime.handle().clone(), 2, 100)?;
/// pool.submit_and_wait(|| println!("on a blocking thread"))?;
/// pool.release();
/// assert_eq!(pool.stats().successful, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TokioPool {
    pool: BoundedPool<BlockingExecutor>,
}

impl TokioPool {
    /// Makes a pool on this runtime that runs at most `max_workers` jobs at once and lets at most `capacity` wait. Starts no
    /// thread yet.
    ///
    /// # Errors
    /// If an option is invalid.
    pub fn new(
        runtime: Handle,
        max_workers: usize,
        capacity: usize,
    ) -> Result<Self, InvalidPoolOptions> {
        Self::with_options(runtime, PoolOptions::new(max_workers, capacity))
    }

    /// As [`new`](TokioPool::new), with a name, an overflow policy or a panic handler.
    ///
    /// # Errors
    /// If an option is invalid.
    pub fn with_options(runtime: Handle, options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        let pool = BoundedPool::new(BlockingExecutor(runtime), options)?;
        Ok(Self { pool })
    }

    /// The name from the options. The threads keep the name that the runtime gives them.
    pub fn name(&self) -> &str {
        self.pool.name()
    }
}

delegate_pool!(TokioPool, pool);
