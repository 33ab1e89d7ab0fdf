//! A mutex and a condition variable in one.

use std::sync::PoisonError;
use std::time::Instant;

#[cfg(soiree_model)]
use super::model::{Condvar, Mutex, MutexGuard, wait_until};
#[cfg(not(soiree_model))]
use super::real::{Condvar, Mutex, MutexGuard, wait_until};

/// State that threads wait to see changed.
pub struct Monitor<T> {
    state: Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    pub fn new(state: T) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Locks, whatever became of the last holder: no state in a monitor is ever half-changed.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn notify_all(&self) {
        self.changed.notify_all();
    }

    /// Waits until notified, or until no particular reason.
    pub fn wait<'a>(&'a self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.changed
            .wait(guard)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`wait`](Self::wait), and says whether the deadline has passed. Callers believe that, and not the clock.
    pub fn wait_until<'a>(
        &'a self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        wait_until(&self.state, &self.changed, guard, deadline)
    }
}
