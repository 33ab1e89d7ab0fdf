//! The pool of futures.

use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, PoolOptions, delegate_pool};
use tokio::runtime::Handle;

use crate::tasks::Tasks;

/// A bounded pool of futures on a Tokio runtime: the bulkhead that async listeners run on.
///
/// At most `max_in_flight` futures are in flight at once, from where they start to where they end, however long they wait in
/// between and on however few threads; and at most `capacity` wait to start. What comes beyond is refused, and the report says
/// so. The runtime polls each as a task of its own, so timers, sockets and the like of that runtime may be used.
///
/// Hand it to an `EventPool` as the bulkhead `async`, which is where async listeners run unless their options
/// [name](soiree_core::ListenerOptions::pool) another. Then its figures, resizing, draining and closing are those of any
/// bulkhead: `active` is how many futures are in flight, `max_workers` how many may be.
///
/// # Ending
/// A release lets futures run to their end. One with a deadline cancels at the deadline what is in flight: a future is dropped
/// where it next yields, which one that never yields does not; it counts as discarded, and the report of its emission says that
/// the listener was [cancelled](soiree_core::ListenerErrorKind::Cancelled). A runtime that ends does the same. When it is gone, what comes
/// is refused.
///
/// A close waits, and so it must not be called on a thread that the futures need: in a program with a current-thread runtime
/// they would have nobody to poll them. In async code, use `tokio::task::spawn_blocking(move || soiree.close())`. The same holds
/// of `emit_sync` and of [`wait`](soiree_engine::Emission::wait); there, `emit(…)?.await` instead.
///
/// # Plain jobs
/// What is not a future, as the emissions that a route leads here, or a plain listener that names this bulkhead, runs on the
/// runtime's blocking threads, and counts as one in flight.
///
/// ```
/// use soiree_tokio::{Job, Pool, TaskPool};
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
/// let pool = TaskPool::new(runtime.handle().clone(), 2, 100)?;
/// for _ in 0..10 {
///     pool.submit(Job::from_future(async { tokio::task::yield_now().await }))?;
/// }
/// pool.release();
/// assert_eq!(pool.stats().successful, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TaskPool {
    pool: BoundedPool<Tasks>,
}

impl TaskPool {
    /// A pool on the runtime of the handle, of so many futures in flight and at most so many waiting to start.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn new(
        runtime: Handle,
        max_in_flight: usize,
        capacity: usize,
    ) -> Result<Self, InvalidPoolOptions> {
        Self::with_options(runtime, PoolOptions::new(max_in_flight, capacity))
    }

    /// As [`new`](TaskPool::new), with a name, an overflow policy or a panic handler. `max_workers` is how many futures may be in
    /// flight. A future is never run by its submitter: where a policy says so, it is refused.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn with_options(runtime: Handle, options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        let pool = BoundedPool::new(Tasks(runtime), options)?;
        Ok(Self { pool })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.pool.name()
    }
}

delegate_pool!(TaskPool, pool);
