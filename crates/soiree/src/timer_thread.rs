//! The timer thread: calls what is due later.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{PanicPayload, Timer, TimerError, TimerId};

/// How long the thread stays without tasks.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

type Task = Box<dyn FnOnce() + Send>;

/// Calls closures when they are due, on a thread that exists only while there are any.
pub(crate) struct TimerThread {
    shared: Arc<Shared>,
}

impl Default for TimerThread {
    fn default() -> Self {
        Self::with_idle_timeout(IDLE_TIMEOUT)
    }
}

impl TimerThread {
    fn with_idle_timeout(idle_timeout: Duration) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            idle_timeout,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

/// The thread ends with its last task, if there is one.
impl Drop for TimerThread {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    idle_timeout: Duration,
}

#[derive(Default)]
struct State {
    /// No task will be added.
    closed: bool,
    /// By due time, then in the order in which they were added.
    tasks: BTreeMap<TimerId, Task>,
    next: u64,
    thread: ThreadState,
}

#[derive(Clone, Copy, Default)]
enum ThreadState {
    /// No thread runs.
    #[default]
    Absent,
    /// It will look at the tasks before it waits.
    Running,
    /// It waits until a task is due.
    WaitingUntil(Instant),
    /// It has no tasks, waits for one, and then ends.
    IdleUntil(Instant),
}

impl Timer for TimerThread {
    fn at(&self, due: Instant, task: Task) -> Result<TimerId, TimerError> {
        let mut state = self.shared.lock();
        let id = TimerId {
            due,
            number: state.next,
        };
        state.next += 1;
        state.tasks.insert(id, task);
        match state.thread {
            ThreadState::Absent => {}
            ThreadState::Running => return Ok(id),
            ThreadState::WaitingUntil(wakes) | ThreadState::IdleUntil(wakes) => {
                drop(state);
                // Mostly the thread wakes in time by itself: a new task is seldom the first that is due.
                if due < wakes {
                    self.shared.changed.notify_one();
                }
                return Ok(id);
            }
        }
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("soiree-timer".into());
        // Under the lock, so that no other caller relies on a thread that fails to start.
        let Err(error) = thread.spawn(move || shared.run()) else {
            state.thread = ThreadState::Running;
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
        // Without tasks the thread has to end soon, not when the cancelled one would have been due.
        let wake = state.tasks.is_empty() && matches!(state.thread, ThreadState::WaitingUntil(_));
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
            let timeout = match (first, state.thread) {
                (Some(due), _) if due <= now => {
                    let task = state.tasks.pop_first();
                    state.thread = ThreadState::Running;
                    drop(state);
                    if let Some((_, task)) = task {
                        // A panic must not keep later tasks from being called.
                        if let Err(payload) = catch_unwind(AssertUnwindSafe(task)) {
                            drop(PanicPayload::new(payload));
                        }
                    }
                    state = self.lock();
                    continue;
                }
                (Some(due), _) => {
                    state.thread = ThreadState::WaitingUntil(due);
                    due - now
                }
                (None, _) if state.closed => return,
                (None, ThreadState::IdleUntil(end)) if end <= now => {
                    state.thread = ThreadState::Absent;
                    return;
                }
                (None, ThreadState::IdleUntil(end)) => end - now,
                (None, _) => {
                    state.thread = ThreadState::IdleUntil(now + self.idle_timeout);
                    self.idle_timeout
                }
            };
            let waited = self.changed.wait_timeout(state, timeout);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const TIME_LIMIT: Duration = Duration::from_secs(60);

    /// L7: a cancelled task is not called, and what it holds is dropped at once.
    #[test]
    fn a_cancelled_task_leaves_nothing_behind() {
        let timer = TimerThread::default();
        let kept = Arc::new(());
        let held = Arc::clone(&kept);
        let later = Instant::now() + HOUR;
        let id = timer.at(later, Box::new(move || drop(held)));
        let id = id.expect("a thread can be started");
        assert_eq!(Arc::strong_count(&kept), 2);
        assert!(timer.cancel(id));
        assert_eq!(Arc::strong_count(&kept), 1);
        assert!(!timer.cancel(id), "it is already cancelled");
        assert!(timer.shared.lock().tasks.is_empty());
    }

    /// L7: a task that has started cannot be cancelled.
    #[test]
    fn a_started_task_is_not_cancelled() {
        let timer = Arc::new(TimerThread::default());
        let (send_id, receive_id) = channel();
        let (started, has_started) = channel();
        let task = move || {
            let id = receive_id.recv().expect("it is sent");
            started.send(id).expect("the test receives it");
        };
        let id = timer.at(Instant::now(), Box::new(task));
        let id = id.expect("a thread can be started");
        send_id.send(id).expect("the task receives it");
        assert_eq!(has_started.recv_timeout(TIME_LIMIT), Ok(id));
        assert!(!timer.cancel(id));
    }

    /// L7: tasks are called in the order in which they are due, also after one that panics.
    #[test]
    fn tasks_are_called_in_the_order_in_which_they_are_due() {
        let timer = Arc::new(TimerThread::default());
        let start = Instant::now();
        let (called, calls) = channel();
        let (go_on, may_go_on) = channel::<()>();
        // Holds the thread until all tasks are added.
        let hold = move || may_go_on.recv().expect("it is sent");
        let held = timer.at(start, Box::new(hold));
        held.expect("a thread can be started");
        for number in [2, 1, 3] {
            let called = called.clone();
            let task = move || {
                called.send(number).expect("the test receives it");
                assert_ne!(number, 2, "tasks may panic");
            };
            let due = start + Duration::from_nanos(number);
            let added = timer.at(due, Box::new(task));
            added.expect("a thread can be started");
        }
        drop(called);
        go_on.send(()).expect("the first task receives it");
        assert_eq!(calls.iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    /// E5: the thread does not stay for cancelled tasks, and ends with its timer.
    #[test]
    fn the_thread_ends_when_every_task_is_cancelled() {
        let timer = TimerThread::with_idle_timeout(HOUR);
        let later = Instant::now() + HOUR;
        let ids = [later, later + HOUR].map(|due| {
            let id = timer.at(due, Box::new(|| ()));
            id.expect("a thread can be started")
        });
        let shared = Arc::downgrade(&timer.shared);
        let give_up = Instant::now() + TIME_LIMIT;
        while !matches!(timer.shared.lock().thread, ThreadState::WaitingUntil(due) if due == later)
        {
            assert!(
                Instant::now() < give_up,
                "it does not wait for the first task"
            );
            thread::yield_now();
        }
        for id in ids {
            assert!(timer.cancel(id));
        }
        while !matches!(timer.shared.lock().thread, ThreadState::IdleUntil(_)) {
            assert!(Instant::now() < give_up, "it waits for a cancelled task");
            thread::yield_now();
        }
        drop(timer);
        while shared.strong_count() > 0 {
            assert!(Instant::now() < give_up, "the thread is still there");
            thread::yield_now();
        }
    }
}
