//! Doing something later.

use std::time::{Duration, Instant};

/// Calls closures later. The threads that do it are somebody else's.
///
/// It does not bound how many wait: whoever hands them over does that. Retries are bounded by
/// [`Settings::retry_capacity`](crate::Settings::retry_capacity), and whatever watches a call by the calls that run. So neither takes
/// the other's place.
pub trait Timer: Send + Sync {
    /// What time it is for this timer. The system's clock, unless time is the timer's own.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// The instant that comes so long after now; one in thirty years where the clock cannot tell it.
    fn after(&self, delay: Duration) -> Instant {
        self.now().checked_add(delay).unwrap_or_else(far_future)
    }

    /// Has `task` called once, at `due` or later, on some thread. It is short, and does not block. Neither this nor dropping the task
    /// may run under a lock that [`at`](Timer::at) or [`cancel`](Timer::cancel) takes: tasks call both.
    ///
    /// # Errors
    /// If it cannot be done; `task` was dropped.
    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError>;

    /// Takes back what has not begun; its closure is dropped before this returns, and nothing of it is left behind. Says whether it
    /// was taken back: not if it has begun, has ended, or was taken back before.
    ///
    /// Does not wait for a task that runs.
    fn cancel(&self, id: TimerId) -> bool;
}

/// Tells what waits in a timer from all else that does or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    /// When it is due.
    pub due: Instant,
    /// A number that the timer gives only once.
    pub number: u64,
}

/// A timer did not take a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimerError {
    /// There is no thread to do it.
    #[error("no thread could be started to wait with: {0}")]
    Spawn(#[source] std::io::Error),
}

/// An instant no process lives to see.
pub fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(30 * 365 * 24 * 3600)
}
