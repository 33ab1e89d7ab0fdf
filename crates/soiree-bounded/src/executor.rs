//! Threads that a bounded pool borrows, and the turns it takes on them.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::begun::Begun;
use crate::job::{Job, JobOutcome};
use crate::pool::{Entered, ResizeError};

/// Runs closures on threads of its own, at some time: what [`BoundedPool`](super::BoundedPool) makes a pool of.
///
/// It needs to bound, count or order nothing, and is never called under a lock. The pool drops it when it has ended, which may
/// be on one of its own threads: its `Drop` must not join them.
pub trait Executor: Send + Sync + 'static {
    /// Has `turn` run on another thread, soon. Must neither wait for it nor run it on the calling thread.
    ///
    /// An executor that runs nothing any more drops it, now or later: the pool then discards what waits, and refuses what comes.
    /// Do not drop turns under a lock of your own, since that drops jobs.
    ///
    /// # Errors
    /// If no thread can run it now. A panic counts as an error.
    fn execute(&self, turn: Turn) -> io::Result<()>;

    /// Whether it [begins](Turn::begin) turns and polls the jobs that are futures, so that they hold no thread while they wait.
    /// Has to be the same at all times.
    fn polls_futures(&self) -> bool {
        false
    }

    /// How many threads there are for this pool alone; `None` if that cannot be known, as where others share them.
    fn threads(&self) -> Option<usize> {
        None
    }

    /// Whether the calling thread is one of those that turns need, whatever it is doing. There, a submitter is refused rather
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

/// The right to run the next job of a pool: what an [`Executor`] is given.
///
/// One turn is one job, so that others who share the threads get theirs in between. Dropped unrun, it tells the pool.
#[must_use]
pub struct Turn {
    taken: Option<Arc<dyn Taker>>,
    id: u64,
}

/// The pool, as its turns see it.
pub(super) trait Taker: Send + Sync {
    fn take(self: Arc<Self>, turn: u64);
    fn lose(self: Arc<Self>, turn: u64);
    fn begin(self: Arc<Self>, turn: u64) -> Option<Begun>;

    /// Runs a job that has begun.
    fn run_job(self: Arc<Self>, turn: u64, job: Job);

    /// A job that had begun has ended, or was dropped before its end.
    fn is_over(self: Arc<Self>, turn: u64, outcome: Option<JobOutcome>);

    /// The calling thread works for the pool.
    fn enter(&self) -> Entered;
}

impl Turn {
    pub(super) fn new(pool: Arc<dyn Taker>, id: u64) -> Self {
        Self {
            taken: Some(pool),
            id,
        }
    }

    /// Runs the next job of the pool on this thread, if there is one. Does not panic.
    pub fn run(mut self) {
        if let Some(pool) = self.taken.take() {
            pool.take(self.id);
        }
    }

    /// Takes the next job of the pool, if there is one, to be run or polled. From here on it counts as active.
    pub fn begin(mut self) -> Option<Begun> {
        self.taken.take()?.begin(self.id)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(pool) = self.taken.take() {
            pool.lose(self.id);
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}
