//! Waiting for work on other threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

/// Counts what is done on other threads, and wakes one that waits for it.
pub(crate) struct Latch {
    done: AtomicU64,
    goal: AtomicU64,
    waiter: Thread,
}

impl Latch {
    /// For the calling thread to wait for. It lives until the process ends, so that jobs can point to it.
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self {
            done: AtomicU64::new(0),
            goal: AtomicU64::new(u64::MAX),
            waiter: thread::current(),
        }))
    }

    /// To be done so often. What was done before no longer counts.
    pub(crate) fn reset(&self, goal: u64) {
        self.done.store(0, Ordering::SeqCst);
        self.goal.store(goal, Ordering::SeqCst);
    }

    /// It has been done once more.
    pub(crate) fn count_down(&self) {
        let done = self.done.fetch_add(1, Ordering::AcqRel) + 1;
        if done == self.goal.load(Ordering::Relaxed) {
            self.waiter.unpark();
        }
    }

    /// Waits until all is done.
    pub(crate) fn wait(&self) {
        while self.done.load(Ordering::Acquire) < self.goal.load(Ordering::Relaxed) {
            thread::park();
        }
    }

    /// Makes sure that nothing was done twice.
    pub(crate) fn assert_exact(&self) {
        let (done, goal) = (&self.done, &self.goal);
        assert_eq!(done.load(Ordering::SeqCst), goal.load(Ordering::SeqCst));
    }
}
