//! Accepted work that needs a place in a pool, and offering it to pools.

use std::sync::Arc;

use soiree_core::panic::caught;
use soiree_core::{Job, Pool, SubmitError, SubmitErrorReason};

use super::pool_ref::PoolRef;
use super::reclaim::{Reclaimed, reclaim_work};

/// Work that was accepted and is to run on a pool: the head of a key, a retry that is due, a listener whose pool was full, listeners after
/// a timeout, a future that is resumed.
pub(crate) trait AcceptedWork: Send + Sync {
    fn pool_ref(&self) -> Arc<PoolRef>;

    /// Where it goes now, if its pool is closed.
    fn next_pool(&self, from: &Arc<PoolRef>) -> Option<Arc<PoolRef>>;

    /// It goes to another pool.
    fn move_to(&self, pool_ref: &Arc<PoolRef>);

    /// A job that does it, for its pool. Dropping the job unrun ends the work, unless it is claimed.
    fn job(self: Arc<Self>) -> Job;

    /// Claims it, so that no other thread runs it. Returns whether the caller is the one who has it.
    fn claim(&self) -> bool;

    /// Gives the claim back.
    fn unclaim(&self);

    /// A pool has rejected its job. It is claimed.
    fn reclaimed(&self, job: Job) {
        drop(job);
    }

    /// No pool takes it. It is claimed. Ends it with a report.
    fn reject(self: Arc<Self>, reason: SubmitErrorReason);
}

/// Submits accepted work to its pool, or to another one if its bulkhead was removed. Returns it if it has to wait.
pub(super) fn offer(
    work: Arc<dyn AcceptedWork>,
    submit: impl Fn(&dyn Pool, Job) -> Result<(), SubmitError>,
) -> Option<Arc<dyn AcceptedWork>> {
    loop {
        let pool_ref = work.pool_ref();
        let reason = match pool_ref.upgrade() {
            Some(pool) => {
                let job = Arc::clone(&work).job();
                // A pool that panics has dropped the job, which has ended the work.
                let Ok(Err(rejected)) = caught(|| submit(&*pool, job)) else {
                    return None;
                };
                match reclaim_work(rejected, || work.claim(), |job| work.reclaimed(job)) {
                    Reclaimed::Rejected(reason) => reason,
                    Reclaimed::Ended(_) => return None,
                }
            }
            None if work.claim() => SubmitErrorReason::Closed,
            None => return None,
        };
        if !matches!(reason, SubmitErrorReason::Closed) {
            work.unclaim();
            return Some(work);
        }
        let Some(next) = work.next_pool(&pool_ref) else {
            work.reject(reason);
            return None;
        };
        work.move_to(&next);
        work.unclaim();
    }
}
