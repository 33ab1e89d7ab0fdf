//! Threads that are blocked until their job gets a place in the queue.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::queued_job::QueuedJob;

/// What a blocked submitter is notified of.
pub(crate) enum Verdict {
    /// The job has its place.
    Accepted,
    /// The pool was closed.
    Closed(QueuedJob),
    /// The pool has no worker. The job waits on, but nothing may ever happen unless the submitter does something.
    NoWorker,
}

/// A submitter that is blocked, as the thread sees it that has news for it.
#[derive(Default)]
pub(crate) struct BlockedSubmitter {
    verdict: Mutex<Option<Verdict>>,
    notified: Condvar,
}

impl BlockedSubmitter {
    pub(crate) fn notify(&self, verdict: Verdict) {
        *self.lock() = Some(verdict);
        self.notified.notify_one();
    }

    /// Blocks until there is a verdict. Returns `None` if the deadline passes first.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Verdict> {
        let mut verdict = self.lock();
        loop {
            if let Some(verdict) = verdict.take() {
                return Some(verdict);
            }
            verdict = match deadline {
                None => {
                    let waited = self.notified.wait(verdict);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
                Some(deadline) => {
                    let timeout = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.notified.wait_timeout(verdict, timeout);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Verdict>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
