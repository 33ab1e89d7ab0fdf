//! The interface of worker pools.

mod delegate;
mod error;
mod idle;
mod limits;
mod options;
mod overflow;
mod release;
mod reservation;
mod reserve;
mod worker_context;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::error::wait_result;
pub use self::error::{DrainTimeout, ResizeError, SubmitError, WaitError};
use self::idle::poll_until_idle;
pub use self::limits::{MAX_CAPACITY, MAX_WORKERS};
pub use self::options::{InvalidPoolOptions, PoolOptions, PoolPanicHandler};
pub use self::overflow::Overflow;
pub use self::release::ReleaseFuture;
pub use self::reservation::{KeepsPlaces, Reservation, ReservedPlace};
pub use self::reserve::Reserve;
pub use self::worker_context::{MAX_INLINE_DEPTH, WorkerCheck, WorkerContext, WorkerGuard};
use crate::job::{Job, JobId, JobOutcome};
use crate::rejection::SubmitErrorReason;
use crate::stats::PoolStats;
use crate::timer::far_future;

/// A bounded pool of workers, which runs jobs. Object-safe, so that pools can be used as `dyn Pool`.
///
/// Methods with *deadline* or *before* in their name take an [`Instant`]. Methods with *for* take a [`Duration`].
///
/// # For implementors
/// Five methods are required. The others have defaults built on these.
///
/// - Run each accepted job once, or drop it. Never do both, never neither. Use [`Job::run_for_pool`], which catches panics, and
///   drop what it returns after you have counted the job.
/// - Hold no lock of the pool while a job runs **or is dropped**: both run user code.
/// - On drop, do what [`release`](Pool::release) does, but do not wait: accepted jobs still run, then the threads end. A pool
///   may be dropped on one of its own workers.
/// - Override [`on_worker`](Pool::on_worker) if the pool has threads, with the help of a [`WorkerContext`]. Otherwise a job that
///   waits for another job of the same pool can deadlock.
#[doc = ""]
#[doc = include_str!("example.md")]
pub trait Pool: Send + Sync {
    /// Submits a job. If the queue is full, does what the pool's [overflow policy](Overflow) says, such as blocking.
    ///
    /// On a worker of the pool this does not block. Where it would, the job runs inline, before this returns.
    ///
    /// # Errors
    /// If the pool rejects the job. The error contains the job.
    fn submit(&self, job: Job) -> Result<(), SubmitError>;

    /// Submits a job if the pool can accept it at once. Never blocks on a full queue, and never runs the job inline.
    ///
    /// - With [`Overflow::DropOldest`], this drops the oldest job too.
    /// - A pool that fails to start a thread may run jobs of *other* submitters inline, if they are queued for that thread.
    ///
    /// # Errors
    /// If the pool rejects the job. The error contains the job.
    fn try_submit(&self, job: Job) -> Result<(), SubmitError>;

    /// Stops the pool: rejects new jobs and drops waiting ones, which count as discarded. Running jobs go on. Does not block.
    ///
    /// [`stop_and_take_jobs`](Pool::stop_and_take_jobs) returns the waiting jobs instead.
    fn stop(&self);

    /// Releases the pool: rejects new jobs, runs all accepted ones, and blocks until the workers have ended or the deadline has
    /// passed.
    ///
    /// On a worker of the pool, this does not wait for that worker. Where [a wait would deadlock](Pool::wait_would_deadlock), it does
    /// not wait at all: it closes the pool and returns.
    ///
    /// # Errors
    /// - If the deadline has passed. Waiting jobs are discarded then, and running jobs go on. The error counts both.
    /// - If this did not wait, and jobs are left. They all go on, and count as `active`.
    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout>;

    /// The current statistics. Does not stop the pool.
    fn stats(&self) -> PoolStats;

    /// Whether the calling thread is a worker of this pool, or runs one of its jobs inline. `false` by default.
    fn on_worker(&self) -> bool {
        false
    }

    /// A check that returns what [`on_worker`](Pool::on_worker) does, also after the last handle of the pool was dropped. `None` by
    /// default.
    ///
    /// Without it, a job that waits for an emission behind it in the queue deadlocks once that handle is dropped.
    ///
    /// It must not keep the pool alive. This method must not call the `EventPool` that uses the pool, as the
    /// `EventPool` may hold a lock.
    fn worker_check(&self) -> Option<WorkerCheck> {
        None
    }

    /// Whether a wait for the jobs of this pool on the calling thread would never end, because the jobs need this very thread.
    /// `false` by default.
    ///
    /// So it may be with pools that [poll futures](Pool::polls_futures): inside a future that such a pool polls, and on the only
    /// thread of a runtime that the futures run on. There nothing waits for the pool:
    ///
    /// - [`submit`](Pool::submit) rejects a job where it would block.
    /// - [`submit_and_wait`](Pool::submit_and_wait) runs the job inline, and rejects a future.
    /// - [`release`](Pool::release), with or without a deadline, closes the pool and returns. The accepted jobs still run.
    fn wait_would_deadlock(&self) -> bool {
        false
    }

    /// Submits a job like [`submit`](Pool::submit), but rejects it where that would block.
    ///
    /// For workers of other pools: two pools whose workers wait for each other's queue would deadlock.
    ///
    /// # Errors
    /// If the pool rejects the job. The error contains the job.
    fn submit_now(&self, job: Job) -> Result<(), SubmitError> {
        self.try_submit(job)
    }

    /// Keeps a place in the queue for a job that is submitted later, ahead of nobody who waits for one. Never blocks.
    ///
    /// # Errors
    /// `Full` if there is none, and otherwise as of [`try_submit`](Pool::try_submit). By default, that places cannot be reserved.
    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        Err(SubmitErrorReason::Other("it reserves no places".into()))
    }

    /// Whether [`try_reserve`](Pool::try_reserve) can ever succeed: not with a capacity of 0. `false` by default.
    fn reserves_places(&self) -> bool {
        false
    }

    /// Waits for a place in the queue, without holding a thread. Needs no runtime. Nothing happens before the first poll.
    ///
    /// - Blocked submitters, requeued work and tasks that wait here get places in the order in which they began to wait.
    ///   [`PoolStats::blocked`] counts the tasks as well.
    /// - What the overflow policy says holds here too, except that this waits where [`submit`](Pool::submit) would run the job
    ///   inline, also inside a job of the pool. Jobs that all wait there for the end of one another wait forever.
    /// - The place may be an idle worker instead of one in the queue.
    /// - Dropping the future gives a place back that was kept for it.
    /// - A pool that fails to start a thread may run jobs of *other* submitters in a poll, if they are queued for that thread.
    ///
    /// By default it is `None`: the pool cannot do this. An `EventPool` then calls [`try_submit`](Pool::try_submit) for one event
    /// after another, oldest first, with pauses of up to 50 ms.
    ///
    /// # Errors
    /// Those of the future: the pool is closed, has no worker and cannot start one, or is full and its overflow policy is to reject.
    fn reserve(&self) -> Option<Reserve> {
        None
    }

    /// Submits work that was accepted before, such as a retry that is due. Never blocks, and never rejects the job because the
    /// queue is full or because no thread can be started just now.
    ///
    /// - If there is no place, the job waits for one, together with blocked submitters. They get places in the order in which
    ///   they began to wait, before jobs that are submitted later. [`PoolStats::requeued`] counts such jobs while they wait.
    ///   They are neither `waiting` nor `submitted` yet.
    /// - The pool does not limit how many wait. The caller does.
    /// - A job that replaces the oldest one ([`Overflow::DropOldest`]) does not overtake them either. The first of them gets the
    ///   place of the oldest job, and the new job waits behind the last.
    /// - [`release`](Pool::release) runs them. [`stop`](Pool::stop), and a missed deadline of a release, discard them. They count
    ///   as submitted then.
    ///
    /// By default it is [`try_submit`](Pool::try_submit). If that rejects the job, an `EventPool` keeps it and submits it again:
    /// whenever one of its own jobs ends on the pool, and after a pause that grows.
    ///
    /// # Errors
    /// - `Closed`: the pool is closed.
    /// - `Spawn`: the pool has no worker, could not start one, and holds no other work for which it will try again. Submit the job
    ///   again after a pause.
    ///
    /// The error contains the job.
    fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        self.try_submit(job)
    }

    /// Takes the job with this ID out of the queue and runs it on the calling thread, a worker of the pool that waits for it.
    /// Returns `false` if no such job waits in the queue.
    ///
    /// Also for work that another thread has claimed: it runs as a job that has nothing to do, and leaves its place. Without this
    /// method such a job keeps its place until its turn. By default it returns `false`.
    fn run_queued(&self, id: JobId) -> bool {
        let _ = id;
        false
    }

    /// Runs a job inline, on a thread that already runs a job of the pool.
    ///
    /// Override it to count the job, and to limit how many jobs run inside one another.
    ///
    /// # Errors
    /// - If the pool is closed, or too many of its jobs run inside one another on this thread.
    /// - If the job is a future and the pool [polls futures](Pool::polls_futures): it would block the thread that polls.
    ///
    /// The error contains the job.
    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        if self.polls_futures() && job.is_future() {
            return Err(SubmitError::new(job, SubmitErrorReason::WouldBlock));
        }
        Ok(job.run())
    }

    /// Whether a job made from a [future](Job::from_future) holds no thread while it waits. `false` by default.
    ///
    /// Only such a pool can run [async listeners](crate::AsyncListener). Must always return the same.
    fn polls_futures(&self) -> bool {
        false
    }

    /// Changes the limit of workers, and so the number of jobs that run at the same time.
    ///
    /// Running jobs go on, so a lower limit takes effect when they end. By default, a pool cannot be resized.
    ///
    /// # Errors
    /// If the pool cannot be resized, or the limit is invalid. The old limit then stays.
    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        Err(ResizeError::Fixed { max: max_workers })
    }

    /// Whether the pool rejects new jobs because it was stopped or released. Its last jobs may still run.
    ///
    /// `false` by default: a pool that does not override this method does not say when it is closed.
    fn is_closed(&self) -> bool {
        false
    }

    /// Blocks until no job runs or waits, without closing the pool. Returns `false` if the deadline passes first, and at once on
    /// a worker of the pool, which runs a job itself, and where [a wait would deadlock](Pool::wait_would_deadlock).
    ///
    /// Other threads may submit jobs at any time, so the pool may be busy again when this returns. By default it reads the
    /// [statistics](Pool::stats) again and again, with pauses of up to 10 ms.
    fn wait_idle(&self, deadline: Instant) -> bool {
        !self.on_worker()
            && !self.wait_would_deadlock()
            && poll_until_idle(|| self.stats().is_idle(), deadline)
    }

    /// Stops the pool like [`stop`](Pool::stop), and returns the waiting jobs, oldest first, instead of dropping them. They count
    /// as discarded.
    ///
    /// A thread that waits for one of them waits until the job is run or dropped. By default this is `stop`: it drops the jobs and
    /// returns none.
    #[doc(alias = "shutdownNow")]
    fn stop_and_take_jobs(&self) -> Vec<Job> {
        self.stop();
        Vec::new()
    }

    /// Releases the pool: rejects new jobs, runs all accepted ones, and blocks until the workers have ended.
    ///
    /// On a worker of the pool, this does not wait for that worker. Where [a wait would deadlock](Pool::wait_would_deadlock), it does
    /// not wait at all: it closes the pool and returns.
    #[doc(alias = "StopAndWait")]
    fn release(&self) {
        while self.release_with_deadline(far_future()).is_err() && !self.wait_would_deadlock() {}
    }

    /// Releases the pool like [`release_with_deadline`](Pool::release_with_deadline), without blocking the thread that polls the
    /// future: a thread of its own waits. Needs no runtime.
    ///
    /// Nothing happens before the first poll. After that, the release goes on also if the future is dropped.
    ///
    /// # Errors
    /// Those of the future: as `release_with_deadline`. If no thread can be started, the deadline is now.
    fn release_async(self: Arc<Self>, deadline: Instant) -> ReleaseFuture
    where
        Self: 'static,
    {
        ReleaseFuture::new(
            move |deadline| self.release_with_deadline(deadline),
            deadline,
        )
    }

    /// Submits a job, and blocks until it has ended and is counted. On a worker of the pool, and where
    /// [a wait would deadlock](Pool::wait_would_deadlock), the job runs inline instead.
    ///
    /// # Errors
    /// If the job was rejected, panicked, or was dropped before its end. Where it would run inline, a future is rejected if the
    /// pool [polls futures](Pool::polls_futures): waiting for it would block a thread that polls it.
    fn submit_and_wait(&self, job: Job) -> Result<(), WaitError> {
        if self.on_worker() || self.wait_would_deadlock() {
            if self.polls_futures() && job.is_future() {
                return Err(SubmitError::new(job, SubmitErrorReason::WouldBlock).into());
            }
            return wait_result(Some(self.run_inline(job)?));
        }
        let (job, receiver) = job.with_completion();
        self.submit(job).map_err(SubmitError::without_completion)?;
        wait_result(receiver.wait())
    }

    /// Submits a job that is dropped, and counted as expired, if it has not started by `deadline`.
    ///
    /// # Errors
    /// As [`submit`](Pool::submit).
    fn submit_before(&self, job: Job, deadline: Instant) -> Result<(), SubmitError> {
        self.submit(job.before(deadline))
    }

    /// Submits all jobs, and blocks until each has ended and is counted. On a worker of the pool, they run inline, in order.
    ///
    /// # Errors
    /// The first error in the order of the jobs, as of [`submit_and_wait`](Pool::submit_and_wait). The other jobs are still
    /// submitted, and waited for.
    #[doc(alias = "SubmitMultipleAndWait")]
    fn submit_all_and_wait(&self, jobs: Vec<Job>) -> Result<(), WaitError> {
        let inline = self.on_worker() || self.wait_would_deadlock();
        let mut submitted = Vec::with_capacity(jobs.len());
        for job in jobs {
            submitted.push(if inline {
                Err(self.submit_and_wait(job))
            } else {
                let (job, receiver) = job.with_completion();
                match self.submit(job) {
                    Ok(()) => Ok(receiver),
                    Err(rejected) => Err(Err(rejected.without_completion().into())),
                }
            });
        }
        let mut first = Ok(());
        for one in submitted {
            let result = match one {
                Ok(receiver) => wait_result(receiver.wait()),
                Err(result) => result,
            };
            first = first.and(result);
        }
        first
    }

    /// Closes the pool, runs the jobs in its queue until `timeout` has passed, and blocks meanwhile: a
    /// [release](Pool::release_with_deadline) that says how long instead of until when. Returns as soon as all jobs have ended.
    ///
    /// To drop what waits and then wait for the running jobs, call [`stop`](Pool::stop) before.
    ///
    /// # Errors
    /// If jobs still run or wait after that. Waiting jobs are discarded then, and running jobs go on. The error counts both.
    #[doc(alias = "StopAndWaitFor")]
    fn stop_and_wait_for(&self, timeout: Duration) -> Result<(), DrainTimeout> {
        let deadline = Instant::now().checked_add(timeout);
        self.release_with_deadline(deadline.unwrap_or_else(far_future))
    }

    /// The number of live workers, busy or idle.
    #[doc(alias = "RunningWorkers")]
    fn running(&self) -> usize {
        self.stats().running
    }

    /// The number of live workers that run no job.
    fn idle_workers(&self) -> usize {
        self.stats().idle
    }

    /// The number of jobs accepted since the pool was created.
    fn submitted_tasks(&self) -> u64 {
        self.stats().submitted
    }

    /// The number of accepted jobs that have not started.
    fn waiting_tasks(&self) -> usize {
        self.stats().waiting
    }

    /// The number of jobs that ran without a panic.
    fn successful_tasks(&self) -> u64 {
        self.stats().successful
    }

    /// The number of jobs that panicked.
    fn failed_tasks(&self) -> u64 {
        self.stats().failed
    }

    /// The number of jobs that ran, with or without a panic.
    fn completed_tasks(&self) -> u64 {
        self.stats().completed()
    }
}
