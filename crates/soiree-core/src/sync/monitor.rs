//! A mutex and a condition variable in one.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[cfg(soiree_model)]
use super::model::{Condvar, Mutex, MutexGuard, wait_until};
#[cfg(not(soiree_model))]
use super::real::{Condvar, Mutex, MutexGuard, wait_until};

/// State behind a mutex, and a condition variable that is notified when the state changes.
///
/// Lock the state to change it, or between the change and the notification: otherwise a thread that begins to wait meanwhile is not woken.
pub struct Monitor<T> {
    state: Mutex<T>,
    changed: Condvar,
    /// How many threads wait. Changed under the lock only.
    waiting: AtomicUsize,
}

impl<T> Monitor<T> {
    pub fn new(state: T) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Locks the state. Ignores poisoning, as no code that holds the lock can panic halfway through a change.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the threads that wait. Without any, it is a load: a condition variable would call the system.
    pub fn notify_all(&self) {
        // The caller has had the lock: who waits was counted before that, or sees the change.
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }

    /// Waits for a notification. May return without one.
    pub fn wait<'a>(&'a self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let guard = self.changed.wait(guard);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        guard.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits like [`wait`](Self::wait). Also returns whether the deadline has passed. Callers must rely on that instead of the
    /// clock, so that a model checker can decide it.
    pub fn wait_until<'a>(
        &'a self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waited = wait_until(&self.state, &self.changed, guard, deadline);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        waited
    }
}

impl<T: Default> Default for Monitor<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
