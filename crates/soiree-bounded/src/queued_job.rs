//! A job that has not started.

use soiree_core::{Job, JobId};

/// A job, and what has to be known of it under the lock. A job may be of a user's making, so it is not asked there.
pub(crate) struct QueuedJob {
    pub(crate) job: Job,
    pub(crate) id: Option<JobId>,
    pub(crate) is_future: bool,
    /// Not counted yet: its submitter still has to find out whether the job can run, and may reclaim it.
    pub(crate) reserved: bool,
}

impl QueuedJob {
    #[inline]
    pub(crate) fn new(job: Job) -> Self {
        Self {
            id: job.id(),
            is_future: job.is_future(),
            reserved: false,
            job,
        }
    }
}
