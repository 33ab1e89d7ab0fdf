//! A timer whose tasks run at any moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use shuttle::sync::{Condvar, Mutex, MutexGuard};
use shuttle::thread;
use soiree_core::{Timer, TimerError, TimerId};
use soiree_testkit::model::Threads;

use crate::world::one_of;

type Task = Box<dyn FnOnce() + Send>;

/// Runs tasks in the order of their due times on a thread of its own. As time passes whenever the checker likes, each may run as soon as it
/// is there. Without tasks the thread blocks, so that the checker sees when nothing is left that could go on.
#[derive(Clone)]
pub(crate) struct ModelTimer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    now: Instant,
    tasks: BTreeMap<TimerId, Task>,
    next: u64,
    is_over: bool,
}

impl ModelTimer {
    pub(crate) fn new() -> Self {
        let state = State {
            now: Instant::now(),
            tasks: BTreeMap::new(),
            next: 0,
            is_over: false,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }

    pub(crate) fn start(&self, threads: &mut Threads) {
        let timer = self.clone();
        threads.start(move || while timer.run_next() {});
    }

    /// Runs a task as soon as there is one. Returns `false` once the timer is over.
    fn run_next(&self) -> bool {
        let mut state = self.lock();
        while state.tasks.is_empty() && !state.is_over {
            state = self.0.changed.wait(state).unwrap();
        }
        drop(state);
        for _ in 0..one_of(&[0, 0, 1, 4]) {
            thread::yield_now();
        }
        let mut state = self.lock();
        if state.is_over {
            return false;
        }
        if let Some((id, task)) = state.tasks.pop_first() {
            state.now = state.now.max(id.due);
            drop(state);
            task();
        }
        true
    }

    /// No task runs any more but the one that runs now.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.is_over = true;
        let left = std::mem::take(&mut state.tasks);
        drop(state);
        self.0.changed.notify_all();
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }
}

impl Timer for ModelTimer {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn at(&self, due: Instant, task: Task) -> Result<TimerId, TimerError> {
        let mut state = self.lock();
        let number = state.next;
        let id = TimerId { due, number };
        state.next += 1;
        let refused = match state.is_over {
            true => Some(task),
            false => state.tasks.insert(id, task),
        };
        drop(state);
        drop(refused);
        self.0.changed.notify_all();
        Ok(id)
    }

    fn cancel(&self, id: TimerId) -> bool {
        let task = self.lock().tasks.remove(&id);
        task.is_some()
    }
}
