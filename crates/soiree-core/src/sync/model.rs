//! The primitives of the model checker.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

pub use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
pub use shuttle::sync::{Condvar, Mutex, MutexGuard};
pub use shuttle::{thread, thread_local};

use shuttle::rand::Rng;

/// A lock that is only tried, never waited for.
pub(super) struct TryMutex<T>(Mutex<T>);

pub(super) type TryMutexGuard<'a, T> = MutexGuard<'a, T>;

impl<T> TryMutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn try_lock(&self) -> Option<TryMutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// Two stripes are enough to have more than one. Each one more is a step more to explore for every reader.
pub const STRIPES: usize = 2;

pub(super) fn read_slots() -> usize {
    2
}

/// Locks the mutex. The checker schedules threads itself, so a backoff would change nothing.
pub fn lock_with_backoff<T>(mutex: &Mutex<T>, _capacity: usize) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A deadline farther away than this never passes. A nearer one may pass at any time.
const FAR: Duration = Duration::from_secs(3600);

/// Waits for a notification. Also returns whether the deadline has passed.
pub(super) fn wait_until<'a, T>(
    mutex: &'a Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    match deadline.checked_duration_since(Instant::now()) {
        None => (guard, true),
        Some(rest) if rest > FAR => {
            let guard = condvar.wait(guard);
            (guard.unwrap_or_else(PoisonError::into_inner), false)
        }
        Some(_) => {
            // Does not wait for a notification: the caller checks its condition and waits again, until the deadline passes.
            drop(guard);
            shuttle::thread::yield_now();
            let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
            (guard, shuttle::rand::thread_rng().gen_ratio(1, 8))
        }
    }
}
