//! The pool.

use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, PoolOptions, delegate_pool};
use tokio::runtime::Handle;

use crate::threads::Blocking;

/// A bounded pool over the blocking threads of a Tokio runtime.
///
/// The runtime starts threads as they are needed, to the limit of its own (`max_blocking_threads`, 512 by default), and lets
/// them go when they are idle (`thread_keep_alive`). Others use them as well: keep `max_workers` below the runtime's limit,
/// since tasks that others block there can keep this pool's jobs from starting. How many threads are idle cannot be known:
/// those that run jobs of this pool are `running`, and `idle` is 0.
///
/// [`submit`](TokioPool::submit) blocks while the queue is full, as in any pool. On an async worker thread, choose
/// [`Overflow::Reject`](soiree_core::Overflow::Reject) or `try_submit`.
///
/// When the runtime ends, jobs that run end, those that had not started are discarded and counted, and new ones are refused.
///
/// Dropping the pool is a [`release`](soiree_core::Pool::release) that does not wait: what was accepted still runs, as long as
/// the runtime lives.
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
    pool: BoundedPool<Blocking>,
}

impl TokioPool {
    /// A pool on the runtime of the handle, of so many jobs at once and at most so many waiting.
    ///
    /// # Errors
    /// If an option makes no sense.
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
    /// If an option makes no sense.
    pub fn with_options(runtime: Handle, options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        let pool = BoundedPool::new(Blocking(runtime), options)?;
        Ok(Self { pool })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.pool.name()
    }
}

delegate_pool!(TokioPool, pool);
