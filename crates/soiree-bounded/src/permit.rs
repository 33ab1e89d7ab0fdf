//! The right to run the next job of a pool, and the job that a permit has started.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use soiree_core::{EndedJob, Job, JobOutcome, WorkerGuard};

use crate::in_flight::{Ended, InFlight, Suspended};
use crate::polling::PollGuard;
use crate::sequence::Seq;

/// The right to run the next job of a pool. An [`Executor`](crate::Executor) gets one for each job that may start.
///
/// One permit is one job, so other users of the same threads get a share of them between two jobs. A permit belongs to no
/// particular job: it takes the one that is first in the queue when it is [run](Permit::run) or [started](Permit::start). If the
/// queue is empty by then, enough other jobs run, or the pool has stopped, it does nothing.
///
/// Dropping a permit unused means that the executor has ended. Once the pool has no other permit and no running job, it discards
/// the waiting jobs.
///
/// An executor over a thread that receives permits from a channel:
///
/// ```
/// use std::sync::mpsc::{Sender, channel};
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Permit};
/// use soiree_core::{Job, Pool, PoolOptions};
///
/// struct OneThread(Sender<Permit>);
///
/// impl Executor for OneThread {
///     fn execute(&self, permit: Permit) -> io::Result<()> {
///         self.0.send(permit).map_err(|_| io::ErrorKind::BrokenPipe.into())
///     }
///
///     fn threads(&self) -> Option<usize> {
///         Some(1)
///     }
/// }
///
/// let (permits, received) = channel::<Permit>();
/// let thread = thread::spawn(move || received.into_iter().for_each(Permit::run));
/// let pool = BoundedPool::new(OneThread(permits), PoolOptions::new(1, 100))?;
/// for _ in 0..10 {
///     pool.submit(Job::new(|| {}))?;
/// }
/// pool.release();                       // drops the executor, and with it the sender
/// thread.join().expect("permits do not panic");
/// assert_eq!(pool.stats().successful, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Permit {
    /// `None` once the permit is used.
    pool: Option<Arc<dyn PermitSource>>,
    id: Seq,
}

/// The pool, as its permits and started jobs see it.
pub(crate) trait PermitSource: Send + Sync {
    /// As [`Executor::polls_futures`](crate::Executor::polls_futures).
    fn polls_futures(&self) -> bool;

    fn run_next_job(self: Arc<Self>, permit: Seq);

    fn start_next_job(self: Arc<Self>, permit: Seq) -> Option<StartedJob>;

    fn permit_dropped(self: Arc<Self>, permit: Seq);

    fn run_started_job(self: Arc<Self>, permit: Seq, job: Job);

    fn started_job_ended(self: Arc<Self>, permit: Seq, ended: EndedJob);

    /// The job was dropped before its end.
    fn started_job_dropped(self: Arc<Self>, permit: Seq, dropped: Option<EndedJob>);

    /// Makes the calling thread a worker of the pool until the guard is dropped.
    fn enter_worker(&self) -> WorkerGuard;
}

impl Permit {
    pub(crate) fn new(pool: Arc<dyn PermitSource>, id: Seq) -> Self {
        Self {
            pool: Some(pool),
            id,
        }
    }

    /// Runs the next job of the pool on this thread. Blocks until the job has ended, and returns at once if there is none.
    ///
    /// Then the pool sends a permit for the job after it. If [`execute`](crate::Executor::execute) fails for that permit, this
    /// thread runs that job too.
    ///
    /// Never panics: a panic of the job is caught and counted.
    pub fn run(mut self) {
        let Some(pool) = self.pool.take() else { return };
        if !pool.polls_futures() {
            pool.run_next_job(self.id);
        } else if let Some(job) = pool.start_next_job(self.id) {
            job.run();
        }
    }

    /// Takes the next job of the pool out of the queue, to run or to poll it. `None` if there is none. The job counts as active
    /// from now on. Does not block.
    pub fn start(mut self) -> Option<StartedJob> {
        self.pool.take()?.start_next_job(self.id)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.permit_dropped(self.id);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// A job that counts as active, for an [`Executor`](crate::Executor) to run or to poll.
///
/// If it [is a future](StartedJob::is_future), `.await` it. Otherwise [run](StartedJob::run) it, on a thread that it may block.
/// To drop it before its end drops the job, which counts as discarded. When it has ended, the pool sends the permit for the next
/// job.
///
/// ```
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Permit};
/// use soiree_core::{Job, Pool, PoolOptions};
/// # /// Polls the future on a thread of its own.
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
    permit: Seq,
    work: StartedWork,
}

pub(crate) enum StartedWork {
    Job(Job),
    Future(Arc<InFlight>),
    Ended,
}

impl StartedJob {
    pub(crate) fn new(pool: Arc<dyn PermitSource>, permit: Seq, work: StartedWork) -> Self {
        Self { pool, permit, work }
    }

    /// Whether the job is a future, so that polling it does not block. Any other job runs to its end at the first poll.
    pub fn is_future(&self) -> bool {
        matches!(self.work, StartedWork::Future(_))
    }

    /// Runs the job on this thread and blocks until it has ended, also if it is a future.
    ///
    /// As with [`Permit::run`], this thread may run further jobs, and a panic of the job is caught and counted.
    pub fn run(mut self) {
        if self.is_future() {
            drop(Job::from_future(self).run());
        } else {
            self.run_job();
        }
    }

    fn run_job(&mut self) {
        if let StartedWork::Job(job) = std::mem::replace(&mut self.work, StartedWork::Ended) {
            let _entered = self.pool.enter_worker();
            Arc::clone(&self.pool).run_started_job(self.permit, job);
        }
    }
}

/// Drops a job that has started. Its `Drop` may do what its code may do, and may not wait either.
pub(crate) fn drop_started(pool: &Arc<dyn PermitSource>, permit: Seq, suspended: Suspended) {
    let (_entered, _polling) = (pool.enter_worker(), PollGuard::enter());
    let Suspended { future, waker } = suspended;
    // No outcome says that a job was dropped. For a thread that waits for it, it is the same as one that has expired.
    let dropped = future.ended(JobOutcome::Expired);
    Arc::clone(pool).started_job_dropped(permit, Some(dropped));
    // The executor's task has nothing left to do.
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Polls the job to its end. A panic of the job is caught and counted.
impl Future for StartedJob {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _polling = PollGuard::enter();
        let in_flight = match &self.work {
            StartedWork::Future(in_flight) => Arc::clone(in_flight),
            _ => {
                self.run_job();
                return Poll::Ready(());
            }
        };
        let Some(Suspended { mut future, waker }) = in_flight.start_poll() else {
            return Poll::Ready(());
        };
        let pool = Arc::clone(&self.pool);
        let _entered = pool.enter_worker();
        if let Poll::Ready(outcome) = Pin::new(&mut future).poll(context) {
            in_flight.end();
            pool.started_job_ended(self.permit, future.ended(outcome));
            return Poll::Ready(());
        }
        let known = waker.filter(|waker| waker.will_wake(context.waker()));
        let waker = known.or_else(|| Some(context.waker().clone().into()));
        match in_flight.end_poll(Suspended { future, waker }) {
            Ok(()) => Poll::Pending,
            Err(cancelled) => {
                drop_started(&pool, self.permit, cancelled);
                Poll::Ready(())
            }
        }
    }
}

impl Drop for StartedJob {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.work, StartedWork::Ended) {
            StartedWork::Job(job) => {
                let (future, waker) = (job.into_future(), None);
                drop_started(&self.pool, self.permit, Suspended { future, waker });
            }
            StartedWork::Future(in_flight) => {
                match in_flight.end() {
                    Ended::Before => {}
                    Ended::Suspended(suspended) => {
                        drop_started(&self.pool, self.permit, suspended);
                    }
                    // The executor's waker has panicked.
                    Ended::Polled => Arc::clone(&self.pool).started_job_dropped(self.permit, None),
                }
            }
            StartedWork::Ended => {}
        }
    }
}

impl fmt::Debug for StartedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedJob")
            .field("is_future", &self.is_future())
            .finish_non_exhaustive()
    }
}
