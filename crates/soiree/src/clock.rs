//! The thread that waits for what is to be done later.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{PanicPayload, Timer, TimerError, TimerId};

/// How long the thread stays when there is nothing to wait for.
const IDLE: Duration = Duration::from_secs(1);

type Task = Box<dyn FnOnce() + Send>;

/// Calls closures later, on a thread that is there only while there are any.
#[derive(Default)]
pub(crate) struct Clock {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By the time that they are due, and then in the order in which they came.
    tasks: BTreeMap<TimerId, Task>,
    next: u64,
    thread: Thread,
}

/// What the thread does.
#[derive(Clone, Copy, Default)]
enum Thread {
    /// There is none.
    #[default]
    Absent,
    /// It will look at the tasks before it waits.
    Awake,
    /// It waits until something is due.
    WaitsUntil(Instant),
    /// It waits for something to wait for, and then leaves.
    IdlesUntil(Instant),
}

impl Timer for Clock {
    fn at(&self, due: Instant, task: Task) -> Result<TimerId, TimerError> {
        let mut state = self.shared.lock();
        let id = TimerId {
            due,
            number: state.next,
        };
        state.next += 1;
        state.tasks.insert(id, task);
        match state.thread {
            Thread::Absent => {}
            Thread::Awake => return Ok(id),
            Thread::WaitsUntil(wakes) | Thread::IdlesUntil(wakes) => {
                drop(state);
                // Mostly it wakes in time by itself: the next to be due is not the last to come.
                if due < wakes {
                    self.shared.changed.notify_one();
                }
                return Ok(id);
            }
        }
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("soiree-timer".into());
        // Under the lock, so that nobody relies on a thread that does not come.
        let Err(error) = thread.spawn(move || shared.run()) else {
            state.thread = Thread::Awake;
            return Ok(id);
        };
        let task = state.tasks.remove(&id);
        drop(state);
        drop(task);
        Err(TimerError::Spawn(error))
    }

    fn cancel(&self, id: TimerId) -> bool {
        let mut state = self.shared.lock();
        let task = state.tasks.remove(&id);
        // So that it does not stay until nothing is due.
        let wake = state.tasks.is_empty() && matches!(state.thread, Thread::WaitsUntil(_));
        drop(state);
        if wake {
            self.shared.changed.notify_one();
        }
        task.is_some()
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
            let first = state.tasks.first_key_value().map(|(id, _)| id.due);
            let rest = match (first, state.thread) {
                (Some(due), _) if due <= now => {
                    let task = state.tasks.pop_first();
                    state.thread = Thread::Awake;
                    drop(state);
                    if let Some((_, task)) = task {
                        // What comes after it is to be called as well.
                        if let Err(payload) = catch_unwind(AssertUnwindSafe(task)) {
                            drop(PanicPayload::new(payload));
                        }
                    }
                    state = self.lock();
                    continue;
                }
                (Some(due), _) => {
                    state.thread = Thread::WaitsUntil(due);
                    due - now
                }
                (None, Thread::IdlesUntil(end)) if end <= now => {
                    state.thread = Thread::Absent;
                    return;
                }
                (None, Thread::IdlesUntil(end)) => end - now,
                (None, _) => {
                    state.thread = Thread::IdlesUntil(now + IDLE);
                    IDLE
                }
            };
            let waited = self.changed.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const PATIENCE: Duration = Duration::from_secs(60);

    /// L7: what is taken back is not done, and what it holds on to is dropped there and then.
    #[test]
    fn a_task_that_is_taken_back_leaves_nothing_behind() {
        let clock = Clock::default();
        let kept = Arc::new(());
        let held = Arc::clone(&kept);
        let later = Instant::now() + HOUR;
        let id = clock.at(later, Box::new(move || drop(held)));
        let id = id.expect("there are threads");
        assert_eq!(Arc::strong_count(&kept), 2);
        assert!(clock.cancel(id));
        assert_eq!(Arc::strong_count(&kept), 1);
        assert!(!clock.cancel(id), "it is gone");
        assert!(clock.shared.lock().tasks.is_empty());
    }

    /// L7: what has begun cannot be taken back.
    #[test]
    fn a_task_that_has_begun_is_not_taken_back() {
        let clock = Arc::new(Clock::default());
        let (said, told) = channel();
        let (tell, heard) = channel();
        let task = move || {
            let id = told.recv().expect("it is sent");
            tell.send(id).expect("somebody listens");
        };
        let id = clock.at(Instant::now(), Box::new(task));
        let id = id.expect("there are threads");
        said.send(id).expect("the task waits for it");
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(id));
        assert!(!clock.cancel(id));
    }

    /// L7: what is due first is done first, and after one that panics comes the next.
    #[test]
    fn tasks_are_done_in_the_order_in_which_they_are_due() {
        let clock = Arc::new(Clock::default());
        let start = Instant::now();
        let (said, heard) = channel();
        let (go, told) = channel::<()>();
        // Keeps the thread until all have come.
        let hold = move || told.recv().expect("it is let go");
        clock.at(start, Box::new(hold)).expect("there are threads");
        for number in [2, 1, 3] {
            let said = said.clone();
            let task = move || {
                said.send(number).expect("somebody listens");
                assert_ne!(number, 2, "tasks may panic");
            };
            let due = start + Duration::from_nanos(number);
            clock.at(due, Box::new(task)).expect("there are threads");
        }
        drop(said);
        go.send(()).expect("it waits");
        assert_eq!(heard.iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    /// E5: the thread does not stay for what has been taken back.
    #[test]
    fn the_thread_ends_when_nothing_is_left_to_wait_for() {
        let clock = Clock::default();
        let later = Instant::now() + HOUR;
        let ids = [later, later + HOUR].map(|due| {
            let id = clock.at(due, Box::new(|| ()));
            id.expect("there are threads")
        });
        let shared = Arc::downgrade(&clock.shared);
        // It waits for the first of them by now.
        let give_up = Instant::now() + PATIENCE;
        while !matches!(clock.shared.lock().thread, Thread::WaitsUntil(due) if due == later) {
            assert!(Instant::now() < give_up, "it does not wait");
            thread::yield_now();
        }
        for id in ids {
            assert!(clock.cancel(id));
        }
        drop(clock);
        while shared.strong_count() > 0 {
            assert!(Instant::now() < give_up, "the thread is still there");
            thread::yield_now();
        }
    }
}
