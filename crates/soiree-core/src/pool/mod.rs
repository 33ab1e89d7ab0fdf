//! What the rest of soiree asks of a pool.

mod completion;
mod delegate;
mod error;
mod limits;
mod options;
mod overflow;
mod worker_context;

use std::time::{Duration, Instant};

use self::completion::{completion, with_completion};
pub use self::error::{DrainTimeout, ResizeError, SubmitError, WaitError};
pub use self::limits::{MAX_CAPACITY, MAX_WORKERS};
pub use self::options::{InvalidPoolOptions, PoolOptions, PoolPanicHandler};
pub use self::overflow::Overflow;
pub use self::worker_context::{MAX_INLINE_DEPTH, WorkerCheck, WorkerContext, WorkerGuard};
use crate::job::{Job, JobOutcome};
use crate::stats::PoolStats;
use crate::timer::far_future;

/// A bounded pool of workers. Object-safe: pools are used as `dyn Pool`.
///
/// Five methods are required; the others are built on them. Names with *deadline* or *before* take an [`Instant`],
/// names with *for* take a [`Duration`].
///
/// # What an implementation owes
/// - An accepted job is run once or dropped unrun, never both and never neither. Use [`Job::run`], which catches panics.
/// - Never hold a lock of the pool while a job is run **or dropped**: both run user code.
/// - Dropping the pool acts like [`release`](Pool::release) that does not wait: what was accepted still runs, and the
///   threads end when it has. A pool may be dropped on one of its own workers.
/// - [`on_worker`](Pool::on_worker) should be answered truthfully. Where it is not, a job that waits for another job of
///   the same pool can wait forever. [`WorkerContext`] keeps track of it.
///
/// A pool that runs each job on the thread that submits it:
///
/// ```
/// use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
/// use std::time::Instant;
/// use soiree_core::{Job, JobOutcome, Pool, PoolStats, SubmitError, SubmitErrorReason, DrainTimeout};
///
/// #[derive(Default)]
/// struct OnCaller {
///     closed: AtomicBool,
///     successful: AtomicU64,
///     failed: AtomicU64,
/// }
///
/// impl Pool for OnCaller {
///     fn submit(&self, job: Job) -> Result<(), SubmitError> {
///         if self.closed.load(SeqCst) {
///             return Err(SubmitError::new(job, SubmitErrorReason::Closed));
///         }
///         let count = match job.run() {
///             JobOutcome::Panicked(_) => &self.failed,
///             _ => &self.successful,
///         };
///         count.fetch_add(1, SeqCst);
///         Ok(())
///     }
///     fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
///         self.submit(job)
///     }
///     fn stop(&self) {
///         self.closed.store(true, SeqCst);
///     }
///     fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
///         self.stop();
///         Ok(())
///     }
///     fn stats(&self) -> PoolStats {
///         let mut stats = PoolStats::default();
///         stats.successful = self.successful.load(SeqCst);
///         stats.failed = self.failed.load(SeqCst);
///         stats.submitted = stats.completed();
///         stats
///     }
/// }
///
/// let pool = OnCaller::default();
/// pool.submit_and_wait(Job::new(|| {}))?;
/// pool.release();
/// assert_eq!(pool.completed_tasks(), 1);
/// # Ok::<(), soiree_core::WaitError>(())
/// ```
pub trait Pool: Send + Sync {
    /// Hands a job to the pool. Blocks while the queue is full, if that is what the pool does when full.
    ///
    /// # Errors
    /// The job comes back inside the error.
    fn submit(&self, job: Job) -> Result<(), SubmitError>;

    /// Hands a job to the pool if it can be accepted at once. Never waits for a place, never runs it on the calling thread. If
    /// the pool makes place for new jobs by dropping old ones, it does so here as well.
    ///
    /// A pool that cannot start a thread may run on this one what *others* had queued in the belief that it can.
    ///
    /// # Errors
    /// The job comes back inside the error.
    fn try_submit(&self, job: Job) -> Result<(), SubmitError>;

    /// Refuses new jobs, drops those that wait (counted as discarded), lets running ones end. Does not wait.
    fn stop(&self);

    /// Refuses new jobs, runs what was accepted, and waits for the workers to end, until the deadline at the latest.
    ///
    /// When called on a worker of the pool, that worker is not waited for.
    ///
    /// # Errors
    /// At the deadline, what still waits is discarded and the error says how much was left.
    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout>;

    /// The pool's figures now.
    fn stats(&self) -> PoolStats;

    /// Whether the calling thread is a worker of this pool, or is running one of its jobs inline.
    fn on_worker(&self) -> bool {
        false
    }

    /// As [`on_worker`](Pool::on_worker), but to be asked also when the pool's last handle is gone and its threads still run
    /// what was accepted. It must not keep the pool alive. To make the check, do not call the `EventPool` that the pool is for,
    /// whose settings may be locked.
    ///
    /// Without it, a job that waits for an emission behind it in the queue waits for ever once the handle is gone.
    fn worker_check(&self) -> Option<WorkerCheck> {
        None
    }

    /// As [`submit`](Pool::submit), but where that would wait for a place, the job is refused. For threads that work for
    /// another pool: two pools whose workers wait for a place in each other's queue would wait for ever.
    ///
    /// # Errors
    /// The job comes back inside the error.
    fn submit_now(&self, job: Job) -> Result<(), SubmitError> {
        self.try_submit(job)
    }

    /// Runs a job on the calling thread, which is inside another job of the pool. Pools that count override this.
    ///
    /// # Errors
    /// If the pool refuses it, closed or too deep inside its own jobs.
    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        Ok(job.run())
    }

    /// Whether jobs that are [futures](Job::from_future) hold none of its threads while they wait. Only such a pool can be the
    /// bulkhead of [async listeners](crate::AsyncListener). Has to be the same at all times.
    fn polls_futures(&self) -> bool {
        false
    }

    /// Changes how many workers may live at once, and so how many jobs may run at once.
    ///
    /// Takes effect for jobs that have not started; running jobs are not interrupted. Pools that can, override this.
    ///
    /// # Errors
    /// If the pool cannot, or there would be no workers, or fewer than are to stay. Nothing has changed then.
    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        Err(ResizeError::Fixed { max: max_workers })
    }

    /// As [`release_with_deadline`](Pool::release_with_deadline), for as long as it takes.
    fn release(&self) {
        while self.release_with_deadline(far_future()).is_err() {}
    }

    /// Hands a job to the pool and waits until it has ended. On a worker of the pool the job runs inline instead.
    ///
    /// # Errors
    /// If the job was refused, panicked, or was dropped unrun.
    fn submit_and_wait(&self, job: Job) -> Result<(), WaitError> {
        if self.on_worker() {
            return self
                .run_inline(job)
                .map_err(WaitError::Rejected)
                .and_then(completion);
        }
        let (job, receiver) = with_completion(job);
        self.submit(job).map_err(WaitError::Rejected)?;
        receiver.wait()
    }

    /// Hands over a job that is to run only if it starts by `deadline`; else it is counted as expired.
    ///
    /// # Errors
    /// As [`submit`](Pool::submit).
    fn submit_before(&self, job: Job, deadline: Instant) -> Result<(), SubmitError> {
        self.submit(job.before(deadline))
    }

    /// Hands over all jobs, then waits until each has ended. On a worker of the pool they run inline, in order.
    ///
    /// # Errors
    /// The first error in the order of the jobs. All jobs are handed over and waited for, whatever befalls some of them.
    fn submit_all_and_wait(&self, jobs: Vec<Job>) -> Result<(), WaitError> {
        let inline = self.on_worker();
        let mut submitted = Vec::with_capacity(jobs.len());
        for job in jobs {
            submitted.push(if inline {
                Err(self.submit_and_wait(job))
            } else {
                let (job, receiver) = with_completion(job);
                match self.submit(job) {
                    Ok(()) => Ok(receiver),
                    Err(rejected) => Err(Err(WaitError::Rejected(rejected))),
                }
            });
        }
        let mut first = Ok(());
        for one in submitted {
            let completion = match one {
                Ok(receiver) => receiver.wait(),
                Err(completion) => completion,
            };
            first = first.and(completion);
        }
        first
    }

    /// Stops the pool, then waits at most `timeout` for running jobs to end.
    ///
    /// # Errors
    /// If some still run then; the error says how many.
    fn stop_and_wait_for(&self, timeout: Duration) -> Result<(), DrainTimeout> {
        self.stop();
        let now = Instant::now();
        self.release_with_deadline(now.checked_add(timeout).unwrap_or_else(far_future))
    }

    /// Live workers.
    fn running(&self) -> usize {
        self.stats().running
    }

    /// Live workers without a job.
    fn idle_workers(&self) -> usize {
        self.stats().idle
    }

    /// Jobs accepted so far.
    fn submitted_tasks(&self) -> u64 {
        self.stats().submitted
    }

    /// Jobs accepted and not started.
    fn waiting_tasks(&self) -> usize {
        self.stats().waiting
    }

    /// Jobs that ran to their end.
    fn successful_tasks(&self) -> u64 {
        self.stats().successful
    }

    /// Jobs that panicked.
    fn failed_tasks(&self) -> u64 {
        self.stats().failed
    }

    /// Jobs that ran, whether they panicked or not.
    fn completed_tasks(&self) -> u64 {
        self.stats().completed()
    }
}
