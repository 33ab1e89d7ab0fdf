//! Counting tasks, and waiting until the last has ended.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use soiree_core::sync::{AtomicBool, AtomicU64, Monitor, STRIPES, stripe};

/// Counts tasks that many threads start and end, and can be closed to new ones.
///
/// Starting and ending a task touches a counter that threads seldom share; only closing looks at all of them. A task may end on another
/// thread than the one it was started on. For pools, and for any component that must reject new work after a close, but finish
/// work already accepted.
///
/// ```
/// use soiree_engine::TaskTracker;
/// let tracker = TaskTracker::new();
/// assert!(tracker.try_start());
/// tracker.close();
/// assert!(!tracker.try_start());
/// tracker.end();
/// assert!(tracker.wait(None));
/// ```
pub struct TaskTracker {
    closed: AtomicBool,
    stripes: [CachePadded<Stripe>; STRIPES],
    ended: Monitor<()>,
}

#[derive(Default)]
struct Stripe {
    started: AtomicU64,
    ended: AtomicU64,
}

impl TaskTracker {
    /// An open tracker without tasks.
    pub fn new() -> Self {
        Self {
            closed: AtomicBool::new(false),
            stripes: Default::default(),
            ended: Monitor::new(()),
        }
    }

    /// Counts a task that starts. Returns `false` if the tracker is closed; else [`end`](TaskTracker::end) has to follow.
    pub fn try_start(&self) -> bool {
        self.stripe().started.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.end();
            return false;
        }
        true
    }

    /// Counts a task that starts inside another one that is counted, whether or not the tracker is closed. [`end`](TaskTracker::end)
    /// has to follow for both.
    pub fn start_nested(&self) {
        self.stripe().started.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts a task that ends.
    #[inline]
    pub fn end(&self) {
        self.stripe().ended.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.notify_ended();
        }
    }

    #[cold]
    fn notify_ended(&self) {
        drop(self.ended.lock());
        self.ended.notify_all();
    }

    /// Rejects new tasks from now on. Returns whether this call closed it.
    pub fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::SeqCst)
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// How many tasks have not ended: exact when it returns 0 and the tracker is closed, an estimate otherwise.
    pub fn len(&self) -> u64 {
        // Ends before starts: each task that ended had started, so equal sums prove that there was no task in between.
        let ended: u64 = self
            .stripes
            .iter()
            .map(|s| s.ended.load(Ordering::SeqCst))
            .sum();
        let started: u64 = self
            .stripes
            .iter()
            .map(|s| s.started.load(Ordering::SeqCst))
            .sum();
        started - ended
    }

    /// Whether all tasks have ended, as exact as [`len`](TaskTracker::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until a closed tracker has no tasks. Returns `false` if the deadline came first.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut guard = self.ended.lock();
        let mut late = false;
        loop {
            if self.is_empty() {
                return true;
            }
            if late {
                return false;
            }
            match deadline {
                Some(deadline) => (guard, late) = self.ended.wait_until(guard, deadline),
                None => guard = self.ended.wait(guard),
            }
        }
    }

    fn stripe(&self) -> &Stripe {
        &self.stripes[stripe()]
    }
}

impl Default for TaskTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTracker")
            .field("closed", &self.is_closed())
            .field("len", &self.len())
            .finish()
    }
}
