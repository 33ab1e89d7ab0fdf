//! What the rest of soiree asks of a pool.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::job::{Job, JobOutcome, PanicPayload};
use crate::stats::PoolStats;

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
///   the same pool can wait forever.
///
/// A pool that runs each job on the thread that submits it:
///
/// ```
/// use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
/// use std::time::Instant;
/// use soiree_core::{
///     Job, JobOutcome, Pool, PoolStats, SubmitError, SubmitErrorReason, Unfinished,
/// };
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
///     fn release_with_deadline(&self, _: Instant) -> Result<(), Unfinished> {
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

    /// Hands a job to the pool if it can be accepted at once. Never blocks.
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
    fn release_with_deadline(&self, deadline: Instant) -> Result<(), Unfinished>;

    /// The pool's figures now.
    fn stats(&self) -> PoolStats;

    /// Whether the calling thread is a worker of this pool, or is running one of its jobs inline.
    fn on_worker(&self) -> bool {
        false
    }

    /// As [`on_worker`](Pool::on_worker), but to be asked also when the pool's last handle is gone and its threads still run
    /// what was accepted. It must not keep the pool alive.
    ///
    /// Without it, a job that waits for an emission behind it in the queue waits for ever once the handle is gone.
    fn worker_check(&self) -> Option<WorkerCheck> {
        None
    }

    /// Runs a job on the calling thread, which is inside another job of the pool. Pools that count override this.
    ///
    /// # Errors
    /// If the pool refuses it, closed or too deep inside its own jobs.
    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        Ok(job.run())
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
                .map_err(WaitError::Refused)
                .and_then(outcome);
        }
        let ticket = Ticket::new();
        self.submit(ticket.attach(job))
            .map_err(WaitError::Refused)?;
        ticket.wait()
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
                let ticket = Ticket::new();
                match self.submit(ticket.attach(job)) {
                    Ok(()) => Ok(ticket),
                    Err(refused) => Err(Err(WaitError::Refused(refused))),
                }
            });
        }
        let mut first = Ok(());
        for one in submitted {
            let ended = match one {
                Ok(ticket) => ticket.wait(),
                Err(known) => known,
            };
            first = first.and(ended);
        }
        first
    }

    /// Stops the pool, then waits at most `timeout` for running jobs to end.
    ///
    /// # Errors
    /// If some still run then; the error says how many.
    fn stop_and_wait_for(&self, timeout: Duration) -> Result<(), Unfinished> {
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

/// Says whether the calling thread is a worker of the pool it was made by. See [`Pool::worker_check`].
pub type WorkerCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// A job was refused. It was not counted as submitted, and comes back with [`into_job`](SubmitError::into_job).
#[derive(Debug, thiserror::Error)]
#[error("the pool refused the job: {reason}")]
pub struct SubmitError {
    job: Job,
    /// Why.
    #[source]
    pub reason: SubmitErrorReason,
}

/// Why a pool refused a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitErrorReason {
    /// The pool was stopped or released.
    #[error("the pool is closed")]
    Closed,
    /// The queue is full, and the pool does not wait when it is.
    #[error("the queue is full ({capacity} waiting)")]
    Full {
        /// Jobs that may wait at once.
        capacity: usize,
    },
    /// The queue stayed full for as long as the pool was to wait.
    #[error("the queue stayed full for {waited:?}")]
    TimedOut {
        /// How long the submitter waited.
        waited: Duration,
    },
    /// It would have to run inline, on a thread that already runs this many jobs of the pool inside one another.
    #[error("{depth} jobs of the pool already run inside one another on this thread")]
    TooDeep {
        /// How many.
        depth: usize,
    },
    /// The pool has no worker and none could be started.
    #[error("no worker could be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// A reason of the pool's own.
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl SubmitError {
    /// A refusal that gives `job` back.
    pub fn new(job: Job, reason: SubmitErrorReason) -> Self {
        Self { job, reason }
    }

    /// Takes the refused job back.
    pub fn into_job(self) -> Job {
        self.job
    }

    /// The refused job, and why it was refused.
    pub fn into_parts(self) -> (Job, SubmitErrorReason) {
        (self.job, self.reason)
    }
}

/// A release ended at its deadline with work left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{active} jobs still run and {discarded} that waited were discarded")]
#[non_exhaustive]
pub struct Unfinished {
    /// Jobs that still run.
    pub active: usize,
    /// Jobs that waited at the deadline and were dropped unrun.
    pub discarded: usize,
}

impl Unfinished {
    /// So many left.
    pub fn new(active: usize, discarded: usize) -> Self {
        Self { active, discarded }
    }
}

/// A job that was waited for did not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The pool refused it; the job is inside.
    #[error(transparent)]
    Refused(#[from] SubmitError),
    /// It panicked with this message.
    #[error("the job panicked: {0}")]
    Panicked(Box<str>),
    /// It was accepted and then dropped unrun: the pool stopped, or the job's deadline passed.
    #[error("the job was discarded before it started")]
    Discarded,
}

/// An instant no process lives to see.
pub(crate) fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(30 * 365 * 24 * 3600)
}

fn outcome(outcome: JobOutcome) -> Result<(), WaitError> {
    match outcome {
        JobOutcome::Completed => Ok(()),
        JobOutcome::Panicked(payload) => Err(WaitError::Panicked(payload.message().into())),
        JobOutcome::Expired => Err(WaitError::Discarded),
    }
}

/// The waiting side of a job that reports its end.
struct Ticket(Arc<(Mutex<Ended>, Condvar)>);

type Ended = Option<Result<(), WaitError>>;

/// The reporting side: reports "discarded" if dropped before it reported anything else.
struct Reporter(Ticket, bool);

impl Ticket {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(None), Condvar::new())))
    }

    fn attach(&self, job: Job) -> Job {
        let mut reporter = Reporter(Self(Arc::clone(&self.0)), false);
        Job::new(move || match job.run() {
            JobOutcome::Panicked(payload) => {
                let message = payload.message().into();
                reporter.report(Err(WaitError::Panicked(message)));
                // The pool has to see the panic as well, to count it and to call its handler.
                std::panic::resume_unwind(PanicPayload::into_inner(payload));
            }
            ended => reporter.report(outcome(ended)),
        })
    }

    fn wait(&self) -> Result<(), WaitError> {
        let (slot, ended) = &*self.0;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match slot.take() {
                Some(outcome) => return outcome,
                None => slot = ended.wait(slot).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Reporter {
    fn report(&mut self, outcome: Result<(), WaitError>) {
        self.1 = true;
        let (slot, ended) = &*self.0.0;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        ended.notify_all();
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if !self.1 {
            self.report(Err(WaitError::Discarded));
        }
    }
}
