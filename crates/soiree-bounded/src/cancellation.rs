//! Cancelling futures that an executor polls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use soiree_core::panic::contained;

/// Cancels a future that is in flight: the next poll drops it.
#[derive(Default)]
pub(crate) struct CancellationToken {
    cancelled: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl CancellationToken {
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(waker) = self.replace_waker(None) {
            contained(|| waker.wake());
        }
    }

    /// Whether the future is cancelled. If it is not yet, a later `cancel` wakes `waker`.
    pub(crate) fn poll_cancelled(&self, waker: &Waker) -> bool {
        let known = self.lock().as_ref().is_some_and(|old| old.will_wake(waker));
        if !known {
            let old = self.replace_waker(Some(waker.clone()));
            drop(old);
        }
        // Read after the waker is stored, while `cancel` sets the flag before it takes the waker: one of them sees the other.
        self.cancelled.load(Ordering::SeqCst)
    }

    fn replace_waker(&self, waker: Option<Waker>) -> Option<Waker> {
        std::mem::replace(&mut *self.lock(), waker)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
