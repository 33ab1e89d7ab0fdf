//! Tasks that wait for a place in the queue.

use std::task::Waker;

use soiree_core::panic::Contained;

use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// A task that waits for a place in the queue, as the thread sees it that gives it one.
pub(crate) struct TaskWaiter {
    /// 1 once it has a place. Stored with the state of the pool locked.
    granted: AtomicUsize,
    waker: Mutex<Option<Contained<Waker>>>,
}

impl TaskWaiter {
    pub(crate) fn new(waker: Contained<Waker>) -> Self {
        Self {
            granted: AtomicUsize::new(0),
            waker: Mutex::new(Some(waker)),
        }
    }

    /// Gives it a place. The caller wakes it after it has unlocked the state.
    pub(crate) fn grant(&self) {
        self.granted.store(1, Ordering::Release);
    }

    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire) == 1
    }

    pub(crate) fn set_waker(&self, waker: Contained<Waker>) {
        let former = lock(&self.waker).replace(waker);
        drop(former);
    }

    /// User code runs here.
    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
