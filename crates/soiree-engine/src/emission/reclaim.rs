//! Taking work back that a pool has rejected.

use soiree_core::observe::reclaim;
use soiree_core::{Job, SubmitError, SubmitErrorReason};

/// What became of work whose job a pool has rejected.
pub(crate) enum Reclaimed {
    /// The work is the caller's again.
    Rejected(SubmitErrorReason),
    /// Another thread has run or ended the work meanwhile.
    Ended(SubmitErrorReason),
}

/// Takes rejected work back. `claim` claims the work, so that no other thread runs it. `keep` gets the job of claimed work.
#[cold]
pub(crate) fn reclaim_work(
    rejected: SubmitError,
    claim: impl FnOnce() -> bool,
    keep: impl FnOnce(Job),
) -> Reclaimed {
    let (job, reason) = reclaim(rejected).into_parts();
    // Before the job is dropped: dropping it would end unclaimed work as discarded.
    if claim() {
        keep(job);
        Reclaimed::Rejected(reason)
    } else {
        drop(job);
        Reclaimed::Ended(reason)
    }
}
