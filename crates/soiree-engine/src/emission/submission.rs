//! Submitting work to a pool, and taking it back when the pool rejects it.

use soiree_core::observe::reclaim;
use soiree_core::{SubmitError, SubmitErrorReason};

/// What became of work whose job was submitted to a pool.
pub(crate) enum Submission {
    Accepted,
    /// The pool rejected the job, and the work is the caller's again.
    Rejected(SubmitErrorReason),
    /// The pool rejected the job, but another thread has run or ended the work meanwhile.
    Ended(SubmitErrorReason),
}

/// Looks at the answer of a pool. `claim` claims the work, so that nobody else runs it.
pub(crate) fn settle(answer: Result<(), SubmitError>, claim: impl FnOnce() -> bool) -> Submission {
    let Err(rejected) = answer else {
        return Submission::Accepted;
    };
    let (job, reason) = reclaim(rejected).into_parts();
    // Before the job is dropped: dropping it would end unclaimed work as discarded.
    let is_claimed = claim();
    drop(job);
    if is_claimed {
        Submission::Rejected(reason)
    } else {
        Submission::Ended(reason)
    }
}
