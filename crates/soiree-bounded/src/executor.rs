//! The threads that a bounded pool borrows.

use std::io;

use soiree_core::ResizeError;

use crate::permit::Permit;

/// Runs permits on threads of its own. [`BoundedPool`](crate::BoundedPool) makes a pool of it.
///
/// An executor needs no bound, counts nothing and may run permits in any order. The pool calls it from many threads at once, and
/// never with a lock held.
///
/// The pool drops its executor when it is closed and its last job has ended. That may happen on one of the executor's own
/// threads, so `Drop` must not join them.
///
/// ```
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Permit};
/// use soiree_core::{Job, Pool, PoolOptions};
///
/// struct ThreadPerJob;
///
/// impl Executor for ThreadPerJob {
///     fn execute(&self, permit: Permit) -> io::Result<()> {
///         thread::Builder::new().spawn(|| permit.run()).map(drop)
///     }
/// }
///
/// let pool = BoundedPool::new(ThreadPerJob, PoolOptions::new(2, 100))?;
/// pool.submit_and_wait(Job::new(|| println!("on a thread of its own")))?;
/// pool.release();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Executor: Send + Sync + 'static {
    /// Hands `permit` to another thread, which is to [run](Permit::run) it soon.
    ///
    /// Must neither wait for the permit nor run it on the calling thread. The caller may be any thread that uses the pool: a
    /// submitter, a timer that [requeues](soiree_core::Pool::requeue) a job, a thread that resizes or releases the pool, or one
    /// whose job has just ended.
    ///
    /// An executor that has ended drops its permits, in this call or later. The pool then discards the waiting jobs and rejects
    /// new ones; see [`BoundedPool`](crate::BoundedPool). Do not drop a permit while you hold a lock: dropping it drops jobs,
    /// which is user code.
    ///
    /// # Errors
    /// If no thread can run the permit now. A panic counts as an error. The pool stays usable: it rejects the job, or leaves it
    /// to workers that it has already.
    fn execute(&self, permit: Permit) -> io::Result<()>;

    /// Whether the executor [starts](Permit::start) its permits and polls the jobs that are futures, so that these hold no
    /// thread while they wait. `false` by default. Must return the same at all times.
    fn polls_futures(&self) -> bool {
        false
    }

    /// The number of threads that serve this pool alone. The statistics show it as the live workers, and as the least number of them.
    /// `None`, the default, if it is unknown, for example because other code uses the threads too.
    fn threads(&self) -> Option<usize> {
        None
    }

    /// Whether the calling thread is one of those that run permits, no matter what it runs at the moment. `false` by default.
    ///
    /// The pool never lets such a thread wait for a worker, because it may be the thread that the worker needs. `submit` rejects
    /// a job there instead of blocking, and `submit_and_wait` runs the job on the thread itself.
    fn on_thread(&self) -> bool {
        false
    }

    /// Whether futures of the pool can only be polled by the calling thread, as on the only thread of a runtime. `false` by default.
    ///
    /// The pool never blocks there until a job has ended; see [`Pool::wait_would_deadlock`](soiree_core::Pool::wait_would_deadlock).
    /// Inside a future that it polls, it knows that itself.
    fn wait_would_deadlock(&self) -> bool {
        false
    }

    /// Prepares for a new worker limit, for example by starting threads. By default every limit is an error.
    ///
    /// # Errors
    /// If there cannot be so many workers. The pool then keeps its limit.
    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        Err(ResizeError::Fixed { max: max_workers })
    }
}
