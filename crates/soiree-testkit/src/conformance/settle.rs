//! What the system knows about a thread: whether it sleeps, and how much it has run.

use std::fs;
use std::path::PathBuf;
use std::thread;

/// A thread, as the system shows it. Only on Linux.
#[derive(Clone, Debug)]
pub(crate) struct Task(PathBuf);

/// The calling thread.
pub(crate) fn this_task() -> Option<Task> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    let task = Task(PathBuf::from("/proc").join(link));
    task.ran().is_some().then_some(task)
}

impl Task {
    /// Whether it neither runs nor wants to. `None` when it is gone.
    fn sleeps(&self) -> Option<bool> {
        let stat = fs::read_to_string(self.0.join("stat")).ok()?;
        // The name before the state stands in parentheses and may contain any character.
        let (_, rest) = stat.rsplit_once(") ")?;
        Some(rest.starts_with('S'))
    }

    /// A measure that grows when the thread runs: its nanoseconds on a processor and how often it was put on one.
    pub(crate) fn ran(&self) -> Option<String> {
        fs::read_to_string(self.0.join("schedstat")).ok()
    }
}

/// Waits until the thread sleeps. A thread that never does, or cannot be seen, is given a while.
pub(crate) fn until_blocked(task: Option<&Task>) {
    for _ in 0..2_000 {
        if task.and_then(Task::sleeps) == Some(true) {
            return;
        }
        thread::yield_now();
    }
}
