//! Jobs: what a pool is given to run.

mod block_on;
mod future;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use self::block_on::block_on;
pub use self::future::JobFuture;
use crate::panic::{PanicPayload, caught, contained};
use crate::rejection::SubmitErrorReason;

/// Work that lives in an allocation of its own, so that queueing it costs none.
///
/// Exactly one of the two methods is called, once, for each [`Job`] made of it.
pub trait Task: Send + Sync {
    /// Does the work. May panic; [`Job::run`] catches it.
    fn run(self: Arc<Self>);

    /// The job was dropped without being run: its pool stopped, its queue was cut, its deadline passed.
    fn discarded(self: Arc<Self>);
}

/// One piece of work for a [`Pool`](crate::Pool).
///
/// Opaque, so that how it is stored can change. A job is run at most once: [`run`](Job::run) consumes it.
/// Dropping a job unrun tells whoever waits for it that it was discarded.
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
    Closure(Box<dyn FnOnce() + Send>),
    Task(Arc<dyn Task>),
    // Boxed because few jobs have a deadline, and every slot of every queue would be larger for it.
    Deadline(Box<(Instant, Job)>),
    // Boxed for the same reason.
    Observed(Box<dyn ObservedJob>),
    Future(Pin<Box<dyn Future<Output = ()> + Send>>),
    Taken,
}

/// A [`Job`] that notifies somebody when it starts, ends or is dropped.
///
/// Dropping it unrun notifies that it was discarded. Only jobs that are observed have one, so no other job pays for it.
pub trait ObservedJob: Send {
    /// The job, until it starts.
    fn job(&self) -> Option<&Job>;

    /// Whether the job is a future.
    fn is_future(&self) -> bool;

    /// Runs the job; if `in_time`, whatever its deadline.
    fn run(self: Box<Self>, in_time: bool) -> JobOutcome;

    /// Polls the job, which is a future; if `in_time`, it starts whatever its deadline.
    fn poll(&mut self, in_time: bool, context: &mut Context<'_>) -> Poll<JobOutcome>;

    /// Drops the job because its deadline has passed.
    fn expire(self: Box<Self>);

    /// Returns the job as it was before it was observed: its pool rejected it.
    fn rejected(self: Box<Self>, reason: &SubmitErrorReason) -> Job;
}

/// How a job ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobOutcome {
    /// It ran to its end.
    Completed,
    /// It panicked; the payload is what it panicked with.
    Panicked(PanicPayload),
    /// Its deadline had passed before it could start, so it was not run.
    Expired,
}

impl Job {
    /// Makes a job of a closure (one allocation).
    pub fn new(work: impl FnOnce() + Send + 'static) -> Self {
        Self {
            work: Work::Closure(Box::new(work)),
        }
    }

    /// Makes a job of shared work, without an allocation.
    pub fn from_task(task: Arc<dyn Task>) -> Self {
        Self {
            work: Work::Task(task),
        }
    }

    /// Makes a job of one that is observed.
    pub fn observed(observed: Box<dyn ObservedJob>) -> Self {
        Self {
            work: Work::Observed(observed),
        }
    }

    /// The observed job that this was made of.
    ///
    /// # Errors
    /// The job itself, if it was made of something else.
    pub fn into_observed(mut self) -> Result<Box<dyn ObservedJob>, Self> {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Observed(observed) => Ok(observed),
            work => {
                self.work = work;
                Err(self)
            }
        }
    }

    /// Makes a job of a future (one allocation), for a pool that [polls futures](crate::Pool::polls_futures): there it holds no
    /// thread while it waits. Any other pool runs it all the same, on a thread that waits with it.
    ///
    /// A future that is dropped before its end has run and been cut short; it tells whoever is to know itself.
    pub fn from_future(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            work: Work::Future(Box::pin(future)),
        }
    }

    /// Whether it was made of a future.
    pub fn is_future(&self) -> bool {
        match &self.work {
            Work::Future(_) => true,
            Work::Deadline(inner) => inner.1.is_future(),
            Work::Observed(observed) => observed.is_future(),
            _ => false,
        }
    }

    /// Takes out the task that the job was made of, which is not told that it was discarded.
    pub fn into_task(mut self) -> Option<Arc<dyn Task>> {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Task(task) => Some(task),
            work => {
                self.work = work;
                None
            }
        }
    }

    /// Gives the job a deadline: if it has not *started* by then, [`run`](Job::run) does not run it.
    #[must_use]
    pub fn before(self, deadline: Instant) -> Self {
        Self {
            work: Work::Deadline(Box::new((deadline, self))),
        }
    }

    /// Runs the job on this thread and catches its panic. If it is a future, waits for its end.
    ///
    /// The clock is read only if the job has a deadline, or somebody observes it.
    pub fn run(self) -> JobOutcome {
        self.start(false)
    }

    /// Runs the job; if it is `in_time`, whatever its deadline.
    pub fn start(mut self, in_time: bool) -> JobOutcome {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Closure(work) => outcome(caught(work)),
            Work::Task(task) => outcome(caught(|| task.run())),
            Work::Deadline(inner) => {
                let (deadline, job) = *inner;
                if !in_time && Instant::now() > deadline {
                    job.expire();
                    return JobOutcome::Expired;
                }
                job.start(in_time)
            }
            Work::Observed(observed) => observed.run(in_time),
            Work::Future(future) => outcome(caught(|| block_on(future))),
            Work::Taken => JobOutcome::Completed,
        }
    }

    /// Whether its deadline has passed.
    pub fn is_late(&self, now: Instant) -> bool {
        match &self.work {
            Work::Deadline(inner) => now > inner.0 || inner.1.is_late(now),
            Work::Observed(observed) => observed.job().is_some_and(|job| job.is_late(now)),
            _ => false,
        }
    }

    /// Drops the job because its deadline has passed.
    pub fn expire(mut self) {
        match std::mem::replace(&mut self.work, Work::Taken) {
            Work::Deadline(inner) => inner.1.expire(),
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
    fn drop(&mut self) {
        let work = std::mem::replace(&mut self.work, Work::Taken);
        // What user code holds may panic as it is dropped, and a queue must outlive that.
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
