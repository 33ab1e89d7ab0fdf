//! Threads that a bounded pool borrows, and the permits it takes on them.

use std::io;

use soiree_core::ResizeError;

use crate::permit::Permit;

/// Runs closures on threads of its own, at some time: what [`BoundedPool`](crate::BoundedPool) makes a pool of.
///
/// It needs to bound, count or order nothing, and is never called under a lock. The pool drops it when it has ended, which may
/// be on one of its own threads: its `Drop` must not join them.
pub trait Executor: Send + Sync + 'static {
    /// Has `permit` run on another thread, soon. Must neither wait for it nor run it on the calling thread.
    ///
    /// An executor that runs nothing any more drops it, now or later: the pool then discards what waits, and refuses what comes.
    /// Do not drop permits under a lock of your own, since that drops jobs.
    ///
    /// # Errors
    /// If no thread can run it now. A panic counts as an error.
    fn execute(&self, permit: Permit) -> io::Result<()>;

    /// Whether it [begins](Permit::start) permits and polls the jobs that are futures, so that they hold no thread while they wait.
    /// Has to be the same at all times.
    fn polls_futures(&self) -> bool {
        false
    }

    /// How many threads there are for this pool alone; `None` if that cannot be known, as where others share them.
    fn threads(&self) -> Option<usize> {
        None
    }

    /// Whether the calling thread is one of those that permits need, whatever it is doing. There, a submitter is rejected rather
    /// than wait for a place, since the thread that it holds may be the one that makes the place; and what it waits for runs
    /// on it.
    fn on_thread(&self) -> bool {
        false
    }

    /// Prepares for a new worker limit, by starting threads, say.
    ///
    /// # Errors
    /// If there cannot be so many workers; the limit stays as it is.
    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        Err(ResizeError::Fixed { max: max_workers })
    }
}
