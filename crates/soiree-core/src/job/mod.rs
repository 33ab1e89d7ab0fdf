//! Jobs: the work that a pool runs.

mod block_on;
mod closure;
mod completion;
mod future;
mod outcome;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use self::block_on::block_on;
use self::closure::Closure;
pub use self::completion::EndedJob;
use self::completion::{CompletionReceiver, CompletionSender, completion};
pub use self::future::JobFuture;
pub use self::outcome::JobOutcome;
use crate::panic::{PanicPayload, caught, contained};
use crate::rejection::SubmitErrorReason;

/// Work that already lives in an `Arc`, so that making a [`Job`] of it needs no allocation.
///
/// For each job, exactly one of the two methods is called, once. The exception is [`Job::into_task`]: then neither is called.
pub trait Task: Send + Sync {
    /// Does the work. May panic; [`Job::run`] catches the panic.
    fn run(self: Arc<Self>);

    /// The job was dropped before it ran: its pool stopped, an overflow policy dropped it, or its deadline had passed.
    fn discarded(self: Arc<Self>);
}

/// One piece of work for a [`Pool`](crate::Pool).
///
/// A job runs at most once, as [`run`](Job::run) consumes it. A job that is dropped before it ran counts as discarded, and a
/// thread that waits for it gets an error.
///
/// ```
/// use soiree_core::{Job, JobOutcome};
/// let job = Job::new(|| println!("hello"));
/// assert!(matches!(job.run(), JobOutcome::Completed));
/// ```
pub struct Job {
    work: Work,
}

enum Work {
    Closure(Closure),
    Task(Arc<dyn Task>),
    // Boxed to keep `Job` small: few jobs have an extra, and queues hold many jobs.
    Extended(Box<Extended>),
    Observed(Box<dyn ObservedJob>),
    Future(Pin<Box<dyn Future<Output = ()> + Send>>),
    Taken,
}

/// A job with what few jobs have.
struct Extended {
    deadline: Option<Instant>,
    id: Option<JobId>,
    job: Job,
    /// The thread that waits for the job. Only the outermost of several `Extended` has it, so that the thread wakes last: after
    /// the job was counted, and dropped.
    completion: Option<CompletionSender>,
}

impl Extended {
    fn of(job: Job) -> Self {
        Self {
            deadline: None,
            id: None,
            job,
            completion: None,
        }
    }

    fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }
}

/// Identifies the work of a job that waits in a queue, so that a thread that needs it can
/// [run it](crate::Pool::run_queued) before its turn.
///
/// It is the address of an allocation that the job keeps alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobId(usize);

impl JobId {
    /// The ID of jobs that are made [from this task](Job::from_task), or that [get it](Job::with_id).
    pub fn of<T: ?Sized>(task: &Arc<T>) -> Self {
        Self(Arc::as_ptr(task).cast::<()>().addr())
    }
}

/// The implementation of a [`Job`] that sends notifications when it starts, ends or is dropped.
///
/// Dropping it before it ran notifies that it was discarded. Only observed jobs have one, so other jobs cost nothing more.
pub trait ObservedJob: Send {
    /// The job, or `None` once it has started.
    fn job(&self) -> Option<&Job>;

    /// Whether the job was made from a future.
    fn is_future(&self) -> bool;

    /// Runs the job. With `in_time`, the job runs even if its deadline has passed.
    fn run(self: Box<Self>, in_time: bool) -> JobOutcome;

    /// Polls the job, which was made from a future. With `in_time`, the job starts even if its deadline has passed.
    fn poll(&mut self, in_time: bool, context: &mut Context<'_>) -> Poll<JobOutcome>;

    /// Drops the job, as its deadline has passed.
    fn expire(self: Box<Self>);

    /// Notifies that a pool rejected the job. Returns the job without its observers.
    fn rejected(self: Box<Self>, reason: &SubmitErrorReason) -> Job;
}

impl Job {
    /// Makes a job from a closure. Needs no allocation if the closure holds at most two references or handles, such as an `Arc`, or one
    /// number; else one.
    pub fn new(work: impl FnOnce() + Send + 'static) -> Self {
        Self {
            work: Work::Closure(Closure::new(work)),
        }
    }

    /// Makes a job from a task, without an allocation.
    pub fn from_task(task: Arc<dyn Task>) -> Self {
        Self {
            work: Work::Task(task),
        }
    }

    /// Makes a job that sends notifications.
    pub fn observed(observed: Box<dyn ObservedJob>) -> Self {
        Self {
            work: Work::Observed(observed),
        }
    }

    /// Returns the observed job that this was [made from](Job::observed).
    ///
    /// # Errors
    /// The job itself, if it was made from something else.
    pub fn into_observed(mut self) -> Result<Box<dyn ObservedJob>, Self> {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Observed(observed) => Ok(observed),
            Work::Extended(extended) if extended.completion.is_some() => {
                // The thread that waits for the job is no part of what it was made from.
                let extended = *extended;
                let (deadline, id, completion) =
                    (extended.deadline, extended.id, extended.completion);
                extended.job.into_observed().map_err(|job| {
                    let mut job = job.extended(deadline, id);
                    job.set_completion(completion);
                    job
                })
            }
            work => {
                self.work = work;
                Err(self)
            }
        }
    }

    /// Makes a job from a future (one allocation).
    ///
    /// - A pool that [polls futures](crate::Pool::polls_futures) holds no thread while the future waits.
    /// - Any other pool runs the future too, but blocks one of its threads until the future is ready.
    /// - A future may be dropped after it started and before it is ready. Its own `Drop` must then do what is needed.
    pub fn from_future(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            work: Work::Future(Box::pin(future)),
        }
    }

    /// Whether the job was made from a future.
    pub fn is_future(&self) -> bool {
        match &self.work {
            Work::Future(_) => true,
            Work::Extended(extended) => extended.job.is_future(),
            Work::Observed(observed) => observed.is_future(),
            _ => false,
        }
    }

    /// Returns the task that the job was [made from](Job::from_task), without calling [`Task::discarded`].
    ///
    /// Returns `None`, and drops the job, if it was made from something else.
    pub fn into_task(mut self) -> Option<Arc<dyn Task>> {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Task(task) => Some(task),
            work => {
                self.work = work;
                None
            }
        }
    }

    /// Sets a deadline. If the job has not *started* by then, [`run`](Job::run) drops it and returns [`JobOutcome::Expired`].
    #[must_use]
    pub fn before(self, deadline: Instant) -> Self {
        self.extended(Some(deadline), None)
    }

    /// Gives the job an ID, for jobs that are not made [from a task](Job::from_task). The job must keep alive what the ID
    /// [is of](JobId::of).
    #[must_use]
    pub fn with_id(self, id: JobId) -> Self {
        self.extended(None, Some(id))
    }

    fn extended(mut self, deadline: Option<Instant>, id: Option<JobId>) -> Self {
        let completion = self.take_completion();
        Self {
            work: Work::Extended(Box::new(Extended {
                deadline,
                id,
                completion,
                ..Extended::of(self)
            })),
        }
    }

    /// The job, and a receiver that waits for its end.
    pub(crate) fn with_completion(mut self) -> (Self, CompletionReceiver) {
        let (sender, receiver) = completion();
        self.set_completion(Some(sender));
        (self, receiver)
    }

    /// Takes out the thread that waits for the job.
    #[inline]
    pub(crate) fn take_completion(&mut self) -> Option<CompletionSender> {
        match &mut self.work {
            Work::Extended(extended) => extended.completion.take(),
            _ => None,
        }
    }

    /// Makes a thread wait for the job.
    pub(crate) fn set_completion(&mut self, completion: Option<CompletionSender>) {
        if completion.is_none() {
            return;
        }
        if let Work::Extended(extended) = &mut self.work {
            extended.completion = completion;
            return;
        }
        let work = std::mem::replace(&mut self.work, Work::Taken);
        let mut extended = Extended::of(Self { work });
        extended.completion = completion;
        self.work = Work::Extended(Box::new(extended));
    }

    /// The ID of the job: that of its [task](Job::from_task), or the one that it [was given](Job::with_id).
    pub fn id(&self) -> Option<JobId> {
        match &self.work {
            Work::Task(task) => Some(JobId::of(task)),
            Work::Extended(extended) => extended.id.or_else(|| extended.job.id()),
            Work::Observed(observed) => observed.job()?.id(),
            _ => None,
        }
    }

    /// Runs the job on the calling thread and catches a panic. Blocks until a future is ready.
    ///
    /// Reads the clock only if the job has a deadline or is observed. Wakes the threads that wait for the job. A pool uses
    /// [`run_for_pool`](Job::run_for_pool) instead, to count the job before that.
    pub fn run(self) -> JobOutcome {
        self.run_for_pool().into_outcome()
    }

    /// Runs the job like [`run`](Job::run), for pools. A thread that waits for the job wakes when the returned value is dropped,
    /// so that the pool can count the job first.
    #[inline]
    pub fn run_for_pool(mut self) -> EndedJob {
        let completion = self.take_completion();
        EndedJob::new(self.start_work(false), completion)
    }

    /// Runs the job like [`run`](Job::run). With `in_time`, the job runs even if its deadline has passed.
    pub fn start(mut self, in_time: bool) -> JobOutcome {
        let completion = self.take_completion();
        EndedJob::new(self.start_work(in_time), completion).into_outcome()
    }

    fn start_work(mut self, in_time: bool) -> JobOutcome {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Closure(mut work) => outcome(caught(|| work.call())),
            Work::Task(task) => outcome(caught(|| task.run())),
            Work::Extended(extended) => {
                let may_be_late = !in_time && extended.deadline.is_some();
                if may_be_late && extended.is_late(Instant::now()) {
                    extended.job.expire();
                    return JobOutcome::Expired;
                }
                extended.job.start(in_time)
            }
            Work::Observed(observed) => observed.run(in_time),
            Work::Future(future) => outcome(caught(|| block_on(future))),
            Work::Taken => JobOutcome::Completed,
        }
    }

    /// Whether the job has a deadline before `now`.
    pub fn is_late(&self, now: Instant) -> bool {
        match &self.work {
            Work::Extended(extended) => extended.is_late(now) || extended.job.is_late(now),
            Work::Observed(observed) => observed.job().is_some_and(|job| job.is_late(now)),
            _ => false,
        }
    }

    /// Drops a job whose deadline has passed. Its observers are notified that it expired, not that it was discarded.
    pub fn expire(mut self) {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Extended(extended) => extended.job.expire(),
            Work::Observed(observed) => observed.expire(),
            work => self.work = work,
        }
    }
}

fn outcome(ended: Result<(), PanicPayload>) -> JobOutcome {
    match ended {
        Ok(()) => JobOutcome::Completed,
        Err(payload) => JobOutcome::Panicked(payload),
    }
}

impl Drop for Job {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.work, Work::Taken) {
            self.discard();
        }
    }
}

impl Job {
    #[inline(never)]
    fn discard(&mut self) {
        let work = std::mem::replace(&mut self.work, Work::Taken);
        // Dropping runs user code, which may panic. The queue that drops the job must survive that.
        contained(move || match work {
            Work::Task(task) => task.discarded(),
            other => drop(other),
        });
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

impl<F: FnOnce() + Send + 'static> From<F> for Job {
    fn from(work: F) -> Self {
        Self::new(work)
    }
}
