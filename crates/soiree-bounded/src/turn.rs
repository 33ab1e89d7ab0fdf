//! The right to run the next job of a pool, and the job that started with it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use soiree_core::{Entered, Job, JobFuture, JobOutcome};

use crate::cancel::Cancel;

/// The right to run the next job of a pool: what an [`Executor`] is given.
///
/// One turn is one job, so that others who share the threads get theirs in between. Dropped unrun, it tells the pool.
#[must_use]
pub struct Turn {
    taken: Option<Arc<dyn Taker>>,
    id: u64,
}

/// The pool, as its turns see it.
pub(crate) trait Taker: Send + Sync {
    fn take(self: Arc<Self>, turn: u64);
    fn lose(self: Arc<Self>, turn: u64);
    fn begin(self: Arc<Self>, turn: u64) -> Option<Begun>;

    /// Runs a job that has begun.
    fn run_job(self: Arc<Self>, turn: u64, job: Job);

    /// A job that had begun has ended, or was dropped before its end.
    fn is_over(self: Arc<Self>, turn: u64, outcome: Option<JobOutcome>);

    /// The calling thread works for the pool.
    fn enter(&self) -> Entered;
}

impl Turn {
    pub(crate) fn new(pool: Arc<dyn Taker>, id: u64) -> Self {
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
    pub fn begin(mut self) -> Option<Begun> {
        self.taken.take()?.begin(self.id)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(pool) = self.taken.take() {
            pool.lose(self.id);
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

/// A job of a pool that counts as active, for an [`Executor`](crate::Executor) to run or to poll.
///
/// Dropped before its end, it tells the pool, which counts it as discarded.
///
/// ```
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Turn};
/// use soiree_core::{Job, Pool, PoolOptions};
/// # /// As good an executor of futures as any.
/// # fn spawn(future: impl Future<Output = ()> + Send + 'static) {
/// #     thread::spawn(|| Job::from_future(future).run());
/// # }
///
/// struct Tasks;
///
/// impl Executor for Tasks {
///     fn execute(&self, turn: Turn) -> io::Result<()> {
///         spawn(async {
///             match turn.begin() {
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
pub struct Begun {
    pool: Arc<dyn Taker>,
    turn: u64,
    job: Option<JobFuture>,
    cancel: Option<Arc<Cancel>>,
}

impl Begun {
    pub(crate) fn new(
        pool: Arc<dyn Taker>,
        turn: u64,
        job: Job,
        cancel: Option<Arc<Cancel>>,
    ) -> Self {
        Self {
            pool,
            turn,
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
            Arc::clone(&pool).run_job(self.turn, job);
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
        Arc::clone(&self.pool).is_over(self.turn, None);
    }
}

/// The job that has begun, polled to its end. Panics are caught.
impl Future for Begun {
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
        Arc::clone(&pool).is_over(self.turn, Some(outcome));
        Poll::Ready(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.drop_job();
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun")
            .field("is_future", &self.is_future())
            .finish_non_exhaustive()
    }
}
