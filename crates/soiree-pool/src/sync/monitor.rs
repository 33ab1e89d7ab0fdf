//! A mutex and a condition variable in one.

use std::time::Instant;

use super::{Condvar, Mutex, MutexGuard, lock, wait_until};

/// State that threads wait to see changed.
pub(crate) struct Monitor<T> {
    state: Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    pub(crate) fn new(state: T) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        lock(&self.state)
    }

    pub(crate) fn notify_all(&self) {
        self.changed.notify_all();
    }

    /// Waits until notified, or until no particular reason, and says whether the deadline has passed. Callers believe
    /// that, and not the clock.
    pub(crate) fn wait_until<'a>(
        &'a self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        wait_until(&self.state, &self.changed, guard, deadline)
    }
}
