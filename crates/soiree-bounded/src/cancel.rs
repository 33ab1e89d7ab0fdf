//! Cancelling futures that a pool polls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use soiree_core::panic::contained;

/// Asks a future that is in flight to end.
#[derive(Default)]
pub(crate) struct Cancel {
    is_asked_for: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.is_asked_for.store(true, Ordering::SeqCst);
        if let Some(waker) = self.swap(None) {
            contained(|| waker.wake());
        }
    }

    /// Looks after it has left its waker: who cancels does it the other way round.
    pub(crate) fn is_asked_for(&self, waker: &Waker) -> bool {
        let known = self.lock().as_ref().is_some_and(|old| old.will_wake(waker));
        if !known {
            let old = self.swap(Some(waker.clone()));
            drop(old);
        }
        self.is_asked_for.load(Ordering::SeqCst)
    }

    fn swap(&self, waker: Option<Waker>) -> Option<Waker> {
        std::mem::replace(&mut *self.lock(), waker)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
