//! Timers, which run closures later.

use std::time::{Duration, Instant};

/// Runs closures later, for retries and timeouts.
///
/// A timer does not limit how many closures wait; its callers do. Retries are limited by the retry capacity of the
/// `EventPool`, timeouts by the number of calls that run.
///
/// # For implementors
/// - Run each task at most once, at its due time or later, on any thread. Tasks are short and do not block.
/// - Hold no lock that [`at`](Timer::at) or [`cancel`](Timer::cancel) takes while a task runs **or is dropped**: tasks call both.
///
/// A timer with a thread for each task:
///
/// ```
/// use soiree_core::{Timer, TimerError, TimerId};
/// use std::collections::HashMap;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use std::sync::{Arc, Mutex, mpsc};
/// use std::thread;
/// use std::time::{Duration, Instant};
///
/// type Task = Box<dyn FnOnce() + Send>;
///
/// #[derive(Default)]
/// struct Threads {
///     waiting: Arc<Mutex<HashMap<TimerId, Task>>>,
///     numbers: AtomicU64,
/// }
///
/// impl Timer for Threads {
///     fn at(&self, due: Instant, task: Task) -> Result<TimerId, TimerError> {
///         let id = TimerId { due, number: self.numbers.fetch_add(1, Relaxed) };
///         self.waiting.lock().unwrap().insert(id, task);
///         let waiting = Arc::clone(&self.waiting);
///         let spawned = thread::Builder::new().spawn(move || {
///             thread::sleep(due.saturating_duration_since(Instant::now()));
///             let task = waiting.lock().unwrap().remove(&id); // the lock is released here
///             if let Some(task) = task {
///                 task();
///             }
///         });
///         if let Err(error) = spawned {
///             self.cancel(id);
///             return Err(TimerError::Spawn(error));
///         }
///         Ok(id)
///     }
///
///     fn cancel(&self, id: TimerId) -> bool {
///         let task = self.waiting.lock().unwrap().remove(&id);
///         task.is_some()
///     }
/// }
///
/// let timer = Threads::default();
/// let (sender, receiver) = mpsc::channel();
/// timer.at(timer.after(Duration::from_millis(1)), Box::new(move || sender.send(7).unwrap()))?;
/// assert_eq!(receiver.recv(), Ok(7));
/// # Ok::<(), TimerError>(())
/// ```
pub trait Timer: Send + Sync {
    /// The current time of this timer. The system's clock by default.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// The instant `delay` from now, or [`far_future`] if the clock cannot represent it.
    fn after(&self, delay: Duration) -> Instant {
        self.now().checked_add(delay).unwrap_or_else(far_future)
    }

    /// Schedules `task` to run once, at `due` or later. Does not block.
    ///
    /// # Errors
    /// If the timer cannot run the task. The task is dropped.
    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError>;

    /// Cancels a task that has not started, and drops it before this returns. Returns whether it did.
    ///
    /// Returns `false` if the task has started, has ended or was cancelled before. Does not wait for a task that runs.
    fn cancel(&self, id: TimerId) -> bool;
}

/// Identifies a task of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    /// When the task is due.
    pub due: Instant,
    /// A number that the timer uses only once.
    pub number: u64,
}

/// A timer could not schedule a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimerError {
    /// The timer's thread could not be started.
    #[error("no timer thread could be started: {0}")]
    Spawn(#[source] std::io::Error),
}

/// An instant thirty years from now, which stands for "never".
pub fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(30 * 365 * 24 * 3600)
}
