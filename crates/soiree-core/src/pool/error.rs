//! The errors of pools.

use super::limits::MAX_WORKERS;
use crate::job::Job;
use crate::rejection::SubmitErrorReason;

/// A pool rejected a job. The job does not count as submitted. [`into_job`](SubmitError::into_job) returns it.
#[derive(Debug, thiserror::Error)]
#[error("the pool rejected the job: {reason}")]
pub struct SubmitError {
    job: Job,
    /// Why the pool rejected it.
    #[source]
    pub reason: SubmitErrorReason,
}

impl SubmitError {
    /// An error that contains the rejected job.
    pub fn new(job: Job, reason: SubmitErrorReason) -> Self {
        Self { job, reason }
    }

    /// Returns the rejected job.
    pub fn into_job(self) -> Job {
        self.job
    }

    /// Returns the rejected job, and why it was rejected.
    pub fn into_parts(self) -> (Job, SubmitErrorReason) {
        (self.job, self.reason)
    }
}

/// The deadline of a release had passed before all jobs ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{active} jobs still run and {discarded} that waited were discarded")]
#[non_exhaustive]
pub struct DrainTimeout {
    /// Jobs that still ran at the deadline.
    pub active: usize,
    /// Jobs that still waited at the deadline. They were dropped, and count as discarded.
    pub discarded: usize,
}

impl DrainTimeout {
    /// An error with these counts. For implementors of pools.
    pub fn new(active: usize, discarded: usize) -> Self {
        Self { active, discarded }
    }
}

/// Why a job that the caller waited for did not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The pool rejected the job. The error contains it.
    #[error(transparent)]
    Rejected(#[from] SubmitError),
    /// The job panicked with this message.
    #[error("the job panicked: {0}")]
    Panicked(Box<str>),
    /// The job was accepted, but dropped before it ran: the pool stopped, or the job's deadline had passed.
    #[error("the job was discarded before it started")]
    Discarded,
}

/// Why a pool was not resized. The old limit stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// The limit is zero, so no job would ever run.
    #[error("a pool cannot be resized to 0 workers")]
    NoWorkers,
    /// The limit is below the number of workers that stay alive when idle.
    #[error("{max} workers are below min_workers, which is {min}")]
    BelowMin {
        /// The new limit.
        max: usize,
        /// The number of workers that stay.
        min: usize,
    },
    /// The limit is above [`MAX_WORKERS`].
    #[error("{max} workers are above {MAX_WORKERS}")]
    TooLarge {
        /// The new limit.
        max: usize,
    },
    /// Some of the threads could not be started.
    #[error("only {started} of {max} workers could be started")]
    Spawn {
        /// The new limit.
        max: usize,
        /// How many workers the pool has.
        started: usize,
    },
    /// The pool cannot be resized.
    #[error("this pool has a fixed number of workers, and cannot have {max}")]
    Fixed {
        /// The new limit.
        max: usize,
    },
}
