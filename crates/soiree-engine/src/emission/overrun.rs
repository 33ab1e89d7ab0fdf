//! Calls that have timed out and still run, and the retries that wait for them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use soiree_core::sync::{AtomicBool, Mutex};

/// A call that has timed out, and the next attempt, which must not overlap it.
#[derive(Default)]
pub(super) struct OverrunCall {
    has_returned: AtomicBool,
    next: Mutex<Option<Arc<dyn NextAttempt>>>,
}

/// An attempt that is due, and waits for the one before it to return.
pub(super) trait NextAttempt: Send + Sync {
    fn proceed(self: Arc<Self>);
}

impl OverrunCall {
    pub(super) fn has_returned(&self) -> bool {
        self.has_returned.load(Ordering::SeqCst)
    }

    /// The attempt proceeds when the call has returned.
    pub(super) fn then(&self, next: Arc<dyn NextAttempt>) {
        self.replace(Some(next));
        // The call may have returned in between.
        if self.has_returned() {
            self.returned();
        }
    }

    /// The attempt no longer waits for the call. Returns whether it did.
    pub(super) fn forget(&self) -> bool {
        self.replace(None).is_some()
    }

    /// The call has returned.
    pub(super) fn returned(&self) {
        self.has_returned.store(true, Ordering::SeqCst);
        if let Some(next) = self.replace(None) {
            next.proceed();
        }
    }

    fn replace(&self, next: Option<Arc<dyn NextAttempt>>) -> Option<Arc<dyn NextAttempt>> {
        let mut waiting = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut waiting, next)
    }
}
