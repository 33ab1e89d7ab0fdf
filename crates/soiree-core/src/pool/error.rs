//! The errors of pools.

use super::limits::MAX_WORKERS;
use crate::job::{Job, JobOutcome};
use crate::panic::PanicPayload;
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

    /// The error with the job as it was before a thread waited for it.
    pub(super) fn without_completion(mut self) -> Self {
        drop(self.job.take_completion());
        self
    }
}

/// The deadline of a release had passed before all jobs ended, or the release [could not wait](crate::Pool::wait_would_deadlock).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{active} jobs still run and {discarded} were discarded")]
#[non_exhaustive]
pub struct DrainTimeout {
    /// Jobs that still ran at the deadline. If the release did not wait, all jobs that were left.
    pub active: usize,
    /// Jobs that still waited at the deadline, and futures that were in flight, but were not polled at that moment. They were
    /// dropped, and count as discarded.
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
    /// The job panicked. [`PanicPayload::message`] is the text, [`PanicPayload::get`] the value.
    #[error("the job panicked: {}", .0.message())]
    Panicked(PanicPayload),
    /// The job was accepted, but dropped before it ran: the pool stopped, or the job's deadline had passed. Or it is a future that
    /// was dropped before its end.
    #[error("the job was dropped before its end")]
    Discarded,
}

/// What a thread that waited for a job returns. The outcome is `None` if the job was dropped.
pub(super) fn wait_result(outcome: Option<JobOutcome>) -> Result<(), WaitError> {
    match outcome {
        Some(JobOutcome::Completed) => Ok(()),
        Some(JobOutcome::Panicked(payload)) => Err(WaitError::Panicked(payload)),
        Some(JobOutcome::Expired) | None => Err(WaitError::Discarded),
    }
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
