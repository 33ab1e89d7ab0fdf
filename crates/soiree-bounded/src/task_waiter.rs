//! Tasks that wait for a place in the queue.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use soiree_core::panic::Contained;

/// A task that waits for a place in the queue, as the thread sees it that gives it one.
pub(crate) struct TaskWaiter(Mutex<Inner>);

struct Inner {
    /// It has a place. Set with the state of the pool locked.
    is_granted: bool,
    waker: Option<Contained<Waker>>,
}

impl TaskWaiter {
    pub(crate) fn new(waker: Contained<Waker>) -> Self {
        Self(Mutex::new(Inner {
            is_granted: false,
            waker: Some(waker),
        }))
    }

    /// Gives it a place.
    pub(crate) fn grant(&self) {
        self.lock().is_granted = true;
    }

    pub(crate) fn is_granted(&self) -> bool {
        self.lock().is_granted
    }

    pub(crate) fn set_waker(&self, waker: Contained<Waker>) {
        let former = self.lock().waker.replace(waker);
        drop(former);
    }

    /// User code runs here.
    pub(crate) fn wake(&self) {
        let waker = self.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
