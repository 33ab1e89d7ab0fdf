//! The right to run the next job of a pool, and the job that started with it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use soiree_core::{Job, JobFuture, JobOutcome, WorkerGuard};

use crate::cancel::Cancel;

/// The right to run the next job of a pool: what an [`Executor`] is given.
///
/// One permit is one job, so that others who share the threads get theirs in between. Dropped unrun, it tells the pool.
#[must_use]
pub struct Permit {
    taken: Option<Arc<dyn PermitSource>>,
    id: u64,
}

/// The pool, as its permits see it.
pub(crate) trait PermitSource: Send + Sync {
    fn take(self: Arc<Self>, permit: u64);
    fn permit_dropped_by_executor(self: Arc<Self>, permit: u64);
    fn start(self: Arc<Self>, permit: u64) -> Option<StartedJob>;

    /// Runs a job that has begun.
    fn run_job(self: Arc<Self>, permit: u64, job: Job);

    /// A job that had begun has ended, or was dropped before its end.
    fn ended(self: Arc<Self>, permit: u64, outcome: Option<JobOutcome>);

    /// The calling thread works for the pool.
    fn enter(&self) -> WorkerGuard;
}

impl Permit {
    pub(crate) fn new(pool: Arc<dyn PermitSource>, id: u64) -> Self {
        Self {
            taken: Some(pool),
            id,
        }
    }

    /// Runs the next job of the pool on this thread, if there is one. Does not panic.
    pub fn run(mut self) {
        if let Some(pool) = self.taken.take() {
            pool.take(self.id);
        }
    }

    /// Takes the next job of the pool, if there is one, to be run or polled. From here on it counts as active.
    pub fn start(mut self) -> Option<StartedJob> {
        self.taken.take()?.start(self.id)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pool) = self.taken.take() {
            pool.permit_dropped_by_executor(self.id);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// A job of a pool that counts as active, for an [`Executor`](crate::Executor) to run or to poll.
///
/// Dropped before its end, it tells the pool, which counts it as discarded.
///
/// ```
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Permit};
/// use soiree_core::{Job, Pool, PoolOptions};
/// # /// As good an executor of futures as any.
/// # fn spawn(future: impl Future<Output = ()> + Send + 'static) {
/// #     thread::spawn(|| Job::from_future(future).run());
/// # }
///
/// struct Tasks;
///
/// impl Executor for Tasks {
///     fn execute(&self, permit: Permit) -> io::Result<()> {
///         spawn(async {
///             match permit.start() {
///                 Some(job) if job.is_future() => job.await,
///                 // It may block, so it goes to a thread of its own.
///                 Some(job) => drop(thread::spawn(|| job.run())),
///                 None => {}
///             }
///         });
///         Ok(())
///     }
///
///     fn polls_futures(&self) -> bool {
///         true
///     }
/// }
///
/// let pool = BoundedPool::new(Tasks, PoolOptions::new(2, 100))?;
/// for _ in 0..10 {
///     pool.submit(Job::from_future(async {}))?;
/// }
/// pool.release();
/// assert_eq!(pool.stats().successful, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct StartedJob {
    pool: Arc<dyn PermitSource>,
    permit: u64,
    job: Option<JobFuture>,
    cancel: Option<Arc<Cancel>>,
}

impl StartedJob {
    pub(crate) fn new(
        pool: Arc<dyn PermitSource>,
        permit: u64,
        job: Job,
        cancel: Option<Arc<Cancel>>,
    ) -> Self {
        Self {
            pool,
            permit,
            job: Some(job.into_future()),
            cancel,
        }
    }

    /// Whether it is a future, to be polled. Another job is to be run on a thread that it may block.
    pub fn is_future(&self) -> bool {
        self.job.as_ref().is_some_and(JobFuture::is_future)
    }

    /// Runs the job on this thread. Does not panic.
    pub fn run(mut self) {
        if let Some(job) = self.job.take().and_then(JobFuture::into_job) {
            let pool = Arc::clone(&self.pool);
            let _entered = pool.enter();
            Arc::clone(&pool).run_job(self.permit, job);
        }
    }

    fn is_cancelled(&self, waker: &Waker) -> bool {
        let mut cancel = self.cancel.iter();
        cancel.any(|cancel| cancel.is_asked_for(waker))
    }

    fn drop_job(&mut self) {
        let Some(job) = self.job.take() else { return };
        let _entered = self.pool.enter();
        drop(job);
        Arc::clone(&self.pool).ended(self.permit, None);
    }
}

/// The job that has begun, polled to its end. Panics are caught.
impl Future for StartedJob {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_cancelled(context.waker()) {
            self.drop_job();
        }
        let pool = Arc::clone(&self.pool);
        let Some(job) = &mut self.job else {
            return Poll::Ready(());
        };
        let _entered = pool.enter();
        let Poll::Ready(outcome) = Pin::new(job).poll(context) else {
            return Poll::Pending;
        };
        self.job = None;
        Arc::clone(&pool).ended(self.permit, Some(outcome));
        Poll::Ready(())
    }
}

impl Drop for StartedJob {
    fn drop(&mut self) {
        self.drop_job();
    }
}

impl fmt::Debug for StartedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedJob")
            .field("is_future", &self.is_future())
            .finish_non_exhaustive()
    }
}
