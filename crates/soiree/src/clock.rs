//! The thread that waits for retries.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{Timer, TimerError};

/// How long the thread stays when there is nothing to wait for.
const IDLE: Duration = Duration::from_secs(1);

type Task = Box<dyn FnOnce() + Send>;

/// Calls closures later, on a thread that is there only while there are any.
pub(crate) struct Clock {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    /// By the time that they are due, and then in the order in which they came.
    tasks: BTreeMap<(Instant, u64), Task>,
    next: u64,
    has_thread: bool,
}

impl Clock {
    /// At most so many closures wait at once.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
                capacity,
            }),
        }
    }
}

impl Timer for Clock {
    fn at(&self, due: Instant, task: Task) -> Result<(), TimerError> {
        let capacity = self.shared.capacity;
        let mut state = self.shared.lock();
        if state.tasks.len() >= capacity {
            drop(state);
            drop(task);
            return Err(TimerError::Full { capacity });
        }
        let key = (due, state.next);
        state.next += 1;
        state.tasks.insert(key, task);
        let start = !std::mem::replace(&mut state.has_thread, true);
        drop(state);
        self.shared.changed.notify_one();
        if !start {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("soiree-retries".into());
        let Err(error) = thread.spawn(move || shared.run()) else {
            return Ok(());
        };
        let mut state = self.shared.lock();
        state.has_thread = false;
        let task = state.tasks.remove(&key);
        drop(state);
        drop(task);
        Err(TimerError::Spawn(error))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let first = state.tasks.first_key_value().map(|(key, _)| key.0);
            let rest = match first {
                Some(due) if due <= now => {
                    let task = state.tasks.pop_first();
                    drop(state);
                    if let Some((_, task)) = task {
                        task();
                    }
                    state = self.lock();
                    continue;
                }
                Some(due) => due - now,
                None => IDLE,
            };
            let waited = self.changed.wait_timeout(state, rest);
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.tasks.is_empty() {
                state.has_thread = false;
                return;
            }
        }
    }
}
