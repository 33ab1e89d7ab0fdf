//! The primitives of the model checker.

use std::time::{Duration, Instant};

pub(crate) use shuttle::sync::atomic::{AtomicU64, AtomicUsize};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};

use shuttle::rand::{Rng, thread_rng};

use super::poison::ignore_poison;

/// Enough to meet counters that hold still, and counters that will not.
pub(crate) const MAX_READ_ATTEMPTS: usize = 2;

/// What is farther off than this never comes; what is nearer, and not past, may come at any time.
const NEVER_FROM: Duration = Duration::from_secs(3600);

/// Locks the mutex. A backoff makes no difference to the checker.
pub(crate) fn lock_with_backoff<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    ignore_poison(mutex.lock())
}

/// As [`wait`](super::wait), and says whether it timed out.
pub(crate) fn wait_until<'a, T>(
    mutex: &'a Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    let remaining = deadline.checked_duration_since(Instant::now());
    match remaining.filter(|remaining| !remaining.is_zero()) {
        None => (guard, true),
        Some(remaining) if remaining > NEVER_FROM => (ignore_poison(condvar.wait(guard)), false),
        Some(_) => {
            // It looks again rather than to be notified: so it never counts as blocked, and always ends, soon or late.
            drop(guard);
            shuttle::thread::yield_now();
            let guard = ignore_poison(mutex.lock());
            let odds = [2, 16][thread_rng().gen_range(0..2)];
            (guard, thread_rng().gen_ratio(1, odds))
        }
    }
}

/// Looks again while there may soon be something to see: once, so that every look is one to be explored.
pub(crate) struct Backoff {
    has_polled: std::cell::Cell<bool>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        let has_polled = std::cell::Cell::new(thread_rng().gen_ratio(1, 2));
        Self { has_polled }
    }

    pub(crate) fn snooze(&self) {
        self.has_polled.set(true);
        shuttle::thread::yield_now();
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.has_polled.get()
    }
}
