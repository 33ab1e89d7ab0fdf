//! Waits for work on other threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

/// Counts operations on other threads, and wakes the waiting thread after the last one. Can be used again after a reset.
pub(crate) struct Latch {
    done: AtomicU64,
    goal: AtomicU64,
    waiter: Thread,
}

impl Latch {
    /// Makes a latch for the calling thread to wait on. It lives as long as the process, so that jobs can borrow it.
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self {
            done: AtomicU64::new(0),
            goal: AtomicU64::new(u64::MAX),
            waiter: thread::current(),
        }))
    }

    /// Starts to count from zero. `goal` operations release the waiting thread.
    pub(crate) fn reset(&self, goal: u64) {
        self.done.store(0, Ordering::SeqCst);
        self.goal.store(goal, Ordering::SeqCst);
    }

    /// Counts one operation.
    pub(crate) fn count_down(&self) {
        let done = self.done.fetch_add(1, Ordering::AcqRel) + 1;
        if done == self.goal.load(Ordering::Relaxed) {
            self.waiter.unpark();
        }
    }

    /// Blocks until `goal` operations are counted. Only the thread that made the latch may call this.
    pub(crate) fn wait(&self) {
        while self.done.load(Ordering::Acquire) < self.goal.load(Ordering::Relaxed) {
            thread::park();
        }
    }

    /// Panics if more or fewer than `goal` operations were counted.
    pub(crate) fn assert_exact(&self) {
        let (done, goal) = (&self.done, &self.goal);
        assert_eq!(done.load(Ordering::SeqCst), goal.load(Ordering::SeqCst));
    }
}
