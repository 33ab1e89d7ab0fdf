//! Futures in flight: from their start to their end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use soiree_core::JobFuture;
use soiree_core::panic::Contained;

/// A future that has started, within reach of both the executor's task, which polls it, and the pool, which may cancel it.
///
/// The lock only protects who has the future. It is polled and dropped by the one that has taken it out.
pub(crate) struct InFlight {
    stage: Mutex<Stage>,
}

enum Stage {
    /// Nobody polls it.
    Suspended(Suspended),
    /// A thread has taken it out to poll it.
    Polled {
        is_cancelled: bool,
    },
    Ended,
}

/// A future between two polls.
pub(crate) struct Suspended {
    pub(crate) future: JobFuture,
    /// Wakes the executor's task. `None` before the first poll.
    pub(crate) waker: Option<Contained<Waker>>,
}

/// Where a future was as it ended.
pub(crate) enum Ended {
    /// It had ended before.
    Before,
    /// Nobody polled it. The caller must drop it.
    Suspended(Suspended),
    /// A thread had taken it out.
    Polled,
}

impl InFlight {
    pub(crate) fn new(future: JobFuture) -> Self {
        let waker = None;
        Self {
            stage: Mutex::new(Stage::Suspended(Suspended { future, waker })),
        }
    }

    /// Takes the future out to poll it; `None` if it has ended.
    pub(crate) fn start_poll(&self) -> Option<Suspended> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Ended) {
            Stage::Suspended(suspended) => {
                *stage = Stage::Polled {
                    is_cancelled: false,
                };
                Some(suspended)
            }
            Stage::Polled { .. } | Stage::Ended => None,
        }
    }

    /// Puts the future back after a poll.
    ///
    /// # Errors
    /// If it was cancelled meanwhile. It has ended then, and the caller must drop it.
    pub(crate) fn end_poll(&self, suspended: Suspended) -> Result<(), Suspended> {
        let mut stage = self.lock();
        if let Stage::Polled { is_cancelled: true } = *stage {
            *stage = Stage::Ended;
            return Err(suspended);
        }
        *stage = Stage::Suspended(suspended);
        Ok(())
    }

    /// Ends the future.
    pub(crate) fn end(&self) -> Ended {
        match std::mem::replace(&mut *self.lock(), Stage::Ended) {
            Stage::Suspended(suspended) => Ended::Suspended(suspended),
            Stage::Polled { .. } => Ended::Polled,
            Stage::Ended => Ended::Before,
        }
    }

    /// Cancels the future. Returns it if nobody polls it: it has ended then, and the caller must drop it. Otherwise the thread that
    /// polls it drops it after the poll.
    pub(crate) fn cancel(&self) -> Option<Suspended> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Ended) {
            Stage::Suspended(suspended) => return Some(suspended),
            Stage::Polled { .. } => *stage = Stage::Polled { is_cancelled: true },
            Stage::Ended => {}
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
