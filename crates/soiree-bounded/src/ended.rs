//! Waiting for the end of jobs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Here threads wait until something has ended. It counts how often something has.
#[derive(Default)]
pub(crate) struct Ended {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Ended {
    /// To be called before the caller looks whether it has to [wait](Self::wait).
    pub(crate) fn count(&self) -> u64 {
        *self.lock()
    }

    pub(crate) fn notify_all(&self) {
        *self.lock() += 1;
        self.changed.notify_all();
    }

    /// Waits until something has ended since `count`. May return without.
    pub(crate) fn wait(&self, count: u64, timeout: Duration) {
        let guard = self.lock();
        if *guard == count {
            let waited = self.changed.wait_timeout(guard, timeout);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
