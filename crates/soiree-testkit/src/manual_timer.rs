//! A timer whose time passes when it is told to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::{Timer, TimerError, TimerId};

type Task = Box<dyn FnOnce() + Send>;

/// A timer without a thread, whose time stands still until the test lets it pass: what falls due is done there and then, on the
/// test's own thread.
///
/// A cheap handle; clones are the same timer.
///
/// ```
/// use soiree_core::Timer;
/// use soiree_testkit::ManualTimer;
/// use std::sync::mpsc::channel;
/// use std::time::Duration;
///
/// let timer = ManualTimer::new();
/// let (said, heard) = channel();
/// let hour = Duration::from_secs(3600);
/// timer.at(timer.now() + hour, Box::new(move || said.send("an hour is over").unwrap()))?;
/// assert_eq!(timer.advance(hour / 2), 0);
/// assert_eq!(timer.advance(hour / 2), 1);
/// assert_eq!(heard.recv()?, "an hour is over");
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
    /// A timer for which it is now, and stays so.
    pub fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                now: Instant::now(),
                tasks: BTreeMap::new(),
                next: 0,
            })),
        }
    }

    /// Lets so much time pass, and does what falls due in it, in that order; also what that puts in. How much that was.
    ///
    /// # Panics
    /// If a task panics, or the time is more than the clock can tell.
    pub fn advance(&self, time: Duration) -> usize {
        let mut state = self.lock();
        let end = state.now + time;
        let mut done = 0;
        loop {
            let first = state
                .tasks
                .first_entry()
                .filter(|task| task.key().due <= end);
            let Some(first) = first else {
                state.now = end;
                return done;
            };
            let (id, task) = first.remove_entry();
            state.now = state.now.max(id.due);
            drop(state);
            task();
            done += 1;
            state = self.lock();
        }
    }

    /// Lets time pass until something falls due, and does that. Whether anything waits.
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

    /// How much waits.
    pub fn pending(&self) -> usize {
        self.lock().tasks.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for ManualTimer {
    /// The time that has been let pass, counted from when the timer was made.
    fn now(&self) -> Instant {
        self.lock().now
    }

    /// What is due already is done when time is next let pass, be it none.
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
