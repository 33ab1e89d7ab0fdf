//! A timer whose time passes only when a test says so.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::{Timer, TimerError, TimerId};

type Task = Box<dyn FnOnce() + Send>;

/// A timer without a thread: its time stands still until the test advances it, and due tasks run on the test's thread.
///
/// Use it to test retries and timeouts without waiting for them. Clones are the same timer: pass one clone to the code
/// under test and keep another.
///
/// ```
/// use soiree_core::Timer;
/// use soiree_testkit::ManualTimer;
/// use std::sync::mpsc::channel;
/// use std::time::Duration;
///
/// let timer = ManualTimer::new();
/// let (sender, receiver) = channel();
/// let hour = Duration::from_secs(3600);
/// timer.at(timer.now() + hour, Box::new(move || sender.send("an hour has passed").unwrap()))?;
/// assert_eq!(timer.advance(hour / 2), 0);
/// assert_eq!(timer.advance(hour / 2), 1);
/// assert_eq!(receiver.recv()?, "an hour has passed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ManualTimer {
    state: Arc<Mutex<State>>,
}

struct State {
    now: Instant,
    tasks: BTreeMap<TimerId, Task>,
    next: u64,
}

impl ManualTimer {
    /// Creates a timer whose time is the current time and stands still.
    pub fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                now: Instant::now(),
                tasks: BTreeMap::new(),
                next: 0,
            })),
        }
    }

    /// Advances the time by `time` and runs the tasks that fall due, in the order of their due times. Returns how many it ran.
    ///
    /// Each task runs on the calling thread, at its own due time. Tasks that a task adds run as well if they fall due by then.
    ///
    /// # Panics
    /// If a task panics, or if the new time is later than [`Instant`] can represent.
    pub fn advance(&self, time: Duration) -> usize {
        let mut state = self.lock();
        let end = state.now + time;
        let mut ran = 0;
        loop {
            let first = state
                .tasks
                .first_entry()
                .filter(|task| task.key().due <= end);
            let Some(first) = first else {
                state.now = end;
                return ran;
            };
            let (id, task) = first.remove_entry();
            state.now = state.now.max(id.due);
            drop(state);
            task();
            ran += 1;
            state = self.lock();
        }
    }

    /// Advances the time to the next due time and runs that one task on the calling thread. Returns `false` if no task waits.
    ///
    /// # Panics
    /// If the task panics.
    pub fn advance_to_next(&self) -> bool {
        let mut state = self.lock();
        let Some((id, task)) = state.tasks.pop_first() else {
            return false;
        };
        state.now = state.now.max(id.due);
        drop(state);
        task();
        true
    }

    /// The number of waiting tasks.
    pub fn pending(&self) -> usize {
        self.lock().tasks.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for ManualTimer {
    /// The time at which the timer was created, plus the time it was advanced by.
    fn now(&self) -> Instant {
        self.lock().now
    }

    /// Adds a task; never runs it at once. A task that is already due runs when the timer is next advanced, even by 0.
    fn at(&self, due: Instant, task: Task) -> Result<TimerId, TimerError> {
        let mut state = self.lock();
        let number = state.next;
        let id = TimerId { due, number };
        state.next += 1;
        state.tasks.insert(id, task);
        Ok(id)
    }

    fn cancel(&self, id: TimerId) -> bool {
        let task = self.lock().tasks.remove(&id);
        task.is_some()
    }
}

impl Default for ManualTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualTimer")
            .field("pending", &self.pending())
            .finish()
    }
}
