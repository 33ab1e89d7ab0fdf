//! Why a pool did not do what it was asked to.

use super::limits::MAX_WORKERS;
use crate::job::Job;
use crate::rejection::SubmitErrorReason;

/// A job was refused. It was not counted as submitted, and comes back with [`into_job`](SubmitError::into_job).
#[derive(Debug, thiserror::Error)]
#[error("the pool refused the job: {reason}")]
pub struct SubmitError {
    job: Job,
    /// Why.
    #[source]
    pub reason: SubmitErrorReason,
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
pub struct DrainTimeout {
    /// Jobs that still run.
    pub active: usize,
    /// Jobs that waited at the deadline and were dropped unrun.
    pub discarded: usize,
}

impl DrainTimeout {
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
    Rejected(#[from] SubmitError),
    /// It panicked with this message.
    #[error("the job panicked: {0}")]
    Panicked(Box<str>),
    /// It was accepted and then dropped unrun: the pool stopped, or the job's deadline passed.
    #[error("the job was discarded before it started")]
    Discarded,
}

/// A pool was not resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// Without workers nothing would ever run.
    #[error("a pool cannot be resized to 0 workers")]
    NoWorkers,
    /// Fewer workers may live than are to stay.
    #[error("{max} workers are below min_workers, which is {min}")]
    BelowMin {
        /// The new maximum.
        max: usize,
        /// The minimum.
        min: usize,
    },
    /// A number that is too large to be meant.
    #[error("{max} workers are above {MAX_WORKERS}")]
    TooLarge {
        /// The new maximum.
        max: usize,
    },
    /// Not so many threads could be started.
    #[error("only {started} of {max} workers could be started")]
    Spawn {
        /// The new maximum, which was not set.
        max: usize,
        /// How many there are.
        started: usize,
    },
    /// The pool has the workers that it was made with.
    #[error("this pool has a fixed number of workers, and cannot have {max}")]
    Fixed {
        /// The new maximum.
        max: usize,
    },
}
