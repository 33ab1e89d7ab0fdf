//! What the system knows about a thread: whether it sleeps, and how much it has run.

use std::fs;
use std::path::PathBuf;
use std::thread;

/// A thread, as the system shows it. Only on Linux.
#[derive(Clone, Debug)]
pub(crate) struct OsThread(PathBuf);

impl OsThread {
    /// The calling thread.
    pub(crate) fn current() -> Option<Self> {
        let link = fs::read_link("/proc/thread-self").ok()?;
        let thread = Self(PathBuf::from("/proc").join(link));
        thread.cpu_usage().is_some().then_some(thread)
    }

    /// Whether it neither runs nor wants to, or is gone.
    pub(crate) fn is_sleeping(&self) -> bool {
        let Ok(stat) = fs::read_to_string(self.0.join("stat")) else {
            return true;
        };
        // The name before the state stands in parentheses and may contain any character.
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
        state.is_some_and(|state| state.starts_with('S'))
    }

    /// A measure that grows when the thread runs: its nanoseconds on a processor and how often it was put on one.
    pub(crate) fn cpu_usage(&self) -> Option<String> {
        fs::read_to_string(self.0.join("schedstat")).ok()
    }
}

/// Waits until the thread sleeps. A thread that never does, or cannot be seen, is given a while.
pub(crate) fn wait_until_blocked(thread: Option<&OsThread>) {
    for _ in 0..2_000 {
        if thread.is_some_and(OsThread::is_sleeping) {
            return;
        }
        thread::yield_now();
    }
}
