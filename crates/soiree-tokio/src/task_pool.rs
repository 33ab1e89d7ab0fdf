//! The pool of futures.

use soiree_bounded::BoundedPool;
use soiree_core::{InvalidPoolOptions, PoolOptions, delegate_pool};
use tokio::runtime::Handle;

use crate::task_executor::TaskExecutor;

/// A bounded pool of futures on a Tokio runtime: the bulkhead that async listeners run on.
///
/// At most `max_in_flight` futures are in flight at once, and at most `capacity` wait to start. A future is in flight from its
/// start to its end, including the time in which it waits for something, so the limit does not depend on the number of threads.
/// The runtime polls each future as a task, so futures may use timers, sockets and everything else of that runtime.
///
/// Give the pool to an `EventPool` as the bulkhead `async`: async listeners run there unless their options name [another
/// one](soiree_core::ListenerOptions::pool). In the statistics, `active` is the number of futures in flight and `max_workers`
/// their limit.
///
/// # When the queue is full
/// A future never runs on the thread that submits it. Where another job would run inline, a future is rejected: with
/// [`CallerRuns`](soiree_core::Overflow::CallerRuns), and inside a job of this pool where the policy says to block.
///
/// An `EventPool` never blocks to start a listener. If the queue is full, the listener is rejected, and the report of the
/// emission says so. With [`DropOldest`](soiree_core::Overflow::DropOldest) the oldest waiting job is discarded instead.
///
/// # Order
/// Futures start in the order in which they were accepted. With more than one in flight, they run interleaved and end in any
/// order.
///
/// # Shutdown
/// A release waits for all futures to end. At the deadline of a release, the futures in flight are cancelled: those that nobody
/// polls at that moment are dropped before the release returns, the others where they next yield. Each counts as discarded, and
/// the report of its emission says that the listener was [cancelled](soiree_core::ListenerErrorKind::Cancelled). A future that
/// never yields cannot be cancelled. A runtime that shuts down cancels in the same way; once it is gone, new jobs are rejected.
///
/// # Blocking
/// A release, `close` of the `EventPool`, `emit_sync` and `wait` of an emission block their thread. In async code write
/// `emit(…)?.await`, and `tokio::task::spawn_blocking(move || soiree.close())`.
///
/// Some threads must not wait for the pool, as its futures need them. [`wait_would_deadlock`](soiree_core::Pool::wait_would_deadlock) is `true`
///
/// - inside a future of this pool, or of another `TaskPool`;
/// - on the only thread that polls tasks of the runtime: inside a `block_on` or a task of a current-thread runtime, and inside a
///   task of a multi-thread runtime with one worker. Not inside `spawn_blocking` and `block_in_place`, where waiting does no harm.
///
/// There the pool never blocks. A job that would have to wait for room is rejected. `submit_and_wait` rejects a future, and runs
/// another job inline. A release closes the pool and returns; the accepted jobs still run.
///
/// Tokio does not say which thread drives a runtime. So the pool takes a thread that polls inside `Handle::block_on` of a
/// current-thread runtime for its only thread, and does not recognize that thread inside
/// [`unconstrained`](tokio::task::unconstrained), unless a future of the pool is around it.
///
/// # Jobs that are not futures
/// Such jobs are the emissions that a route sends to this bulkhead, and plain listeners that name it. They run on the blocking
/// threads of the runtime. Each counts as one in flight, and a deadline does not cancel it.
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
    pool: BoundedPool<TaskExecutor>,
}

impl TaskPool {
    /// Makes a pool on this runtime with at most `max_in_flight` futures in flight and at most `capacity` waiting to start.
    /// Spawns no task yet.
    ///
    /// # Errors
    /// If an option is invalid.
    pub fn new(
        runtime: Handle,
        max_in_flight: usize,
        capacity: usize,
    ) -> Result<Self, InvalidPoolOptions> {
        Self::with_options(runtime, PoolOptions::new(max_in_flight, capacity))
    }

    /// As [`new`](TaskPool::new), with a name, an overflow policy or a panic handler. `max_workers` of the options is the limit
    /// of futures in flight.
    ///
    /// # Errors
    /// If an option is invalid.
    pub fn with_options(runtime: Handle, options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        let pool = BoundedPool::new(TaskExecutor(runtime), options)?;
        Ok(Self { pool })
    }

    /// The name from the options.
    pub fn name(&self) -> &str {
        self.pool.name()
    }
}

delegate_pool!(TaskPool, pool);
