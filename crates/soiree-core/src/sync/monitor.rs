//! A mutex and a condition variable in one.

use std::sync::PoisonError;
use std::time::Instant;

#[cfg(soiree_model)]
use super::model::{Condvar, Mutex, MutexGuard, wait_until};
#[cfg(not(soiree_model))]
use super::real::{Condvar, Mutex, MutexGuard, wait_until};

/// State behind a mutex, and a condition variable that is notified when the state changes.
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

    /// Locks the state. Ignores poisoning, as no code that holds the lock can panic halfway through a change.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn notify_all(&self) {
        self.changed.notify_all();
    }

    /// Waits for a notification. May return without one.
    pub fn wait<'a>(&'a self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.changed
            .wait(guard)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits like [`wait`](Self::wait). Also returns whether the deadline has passed. Callers must rely on that instead of the
    /// clock, so that a model checker can decide it.
    pub fn wait_until<'a>(
        &'a self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        wait_until(&self.state, &self.changed, guard, deadline)
    }
}

impl<T: Default> Default for Monitor<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
