//! What Linux shows of a thread: whether it sleeps, and how long it has run.

use std::fs;
use std::path::PathBuf;
use std::thread;

/// The directory of a thread in `/proc`.
#[derive(Clone, Debug)]
pub(crate) struct OsThread(PathBuf);

impl OsThread {
    /// The calling thread; `None` where there is no `/proc`.
    pub(crate) fn current() -> Option<Self> {
        let link = fs::read_link("/proc/thread-self").ok()?;
        let thread = Self(PathBuf::from("/proc").join(link));
        thread.cpu_usage().is_some().then_some(thread)
    }

    /// Whether the thread sleeps or has ended. A thread that waits for a processor does not sleep.
    pub(crate) fn is_sleeping(&self) -> bool {
        let Ok(stat) = fs::read_to_string(self.0.join("stat")) else {
            return true;
        };
        // The thread's name comes before the state, in parentheses, and may contain any character.
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
        state.is_some_and(|state| state.starts_with('S'))
    }

    /// Changes whenever the thread runs: its time on a processor and how often it was scheduled. `None` if it has ended.
    pub(crate) fn cpu_usage(&self) -> Option<String> {
        fs::read_to_string(self.0.join("schedstat")).ok()
    }
}

/// Waits until the thread sleeps; at most for 2,000 yields, as it may never do so or not be visible.
pub(crate) fn wait_until_blocked(thread: Option<&OsThread>) {
    for _ in 0..2_000 {
        if thread.is_some_and(OsThread::is_sleeping) {
            return;
        }
        thread::yield_now();
    }
}
