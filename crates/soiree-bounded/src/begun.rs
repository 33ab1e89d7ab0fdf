//! Jobs that have begun: run on a thread, or polled as futures.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::executor::Taker;
use crate::job::{Job, JobFuture};
use crate::registry::contained;

/// A job of a pool that counts as active, for an [`Executor`](super::Executor) to run or to poll.
///
/// Dropped before its end, it tells the pool, which counts it as discarded.
///
/// ```
/// use std::{io, thread};
/// use soiree_core::{BoundedPool, Executor, Job, Pool, PoolOptions, Turn};
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
    pub(super) fn new(
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

/// Asks a future that is in flight to end.
#[derive(Default)]
pub(super) struct Cancel {
    is_asked_for: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Cancel {
    pub(super) fn cancel(&self) {
        self.is_asked_for.store(true, Ordering::SeqCst);
        if let Some(waker) = self.swap(None) {
            contained(|| waker.wake());
        }
    }

    /// Looks after it has left its waker: who cancels does it the other way round.
    fn is_asked_for(&self, waker: &Waker) -> bool {
        let known = self.lock().as_ref().is_some_and(|old| old.will_wake(waker));
        if !known {
            let old = self.swap(Some(waker.clone()));
            drop(old);
        }
        self.is_asked_for.load(Ordering::SeqCst)
    }

    fn swap(&self, waker: Option<Waker>) -> Option<Waker> {
        std::mem::replace(&mut *self.lock(), waker)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
