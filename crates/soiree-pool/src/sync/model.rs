//! The primitives of the model checker, shuttle.

use std::time::{Duration, Instant};

pub(crate) use shuttle::sync::atomic::{AtomicU64, AtomicUsize};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use soiree_core::sync::lock_with_backoff;

use shuttle::rand::{Rng, thread_rng};

use super::poison::ignore_poison;

/// Enough to explore counters that are stable and counters that keep changing.
pub(crate) const MAX_READ_ATTEMPTS: usize = 2;

/// A deadline farther off than this never passes. A nearer one may pass at any time.
const NEVER_FROM: Duration = Duration::from_secs(3600);

/// As [`wait`](super::wait), and returns whether the deadline has passed.
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
            // Yields in place of waiting for a notification: a thread that may time out never counts as deadlocked.
            drop(guard);
            shuttle::thread::yield_now();
            let guard = ignore_poison(mutex.lock());
            let odds = [2, 16][thread_rng().gen_range(0..2)];
            (guard, thread_rng().gen_ratio(1, odds))
        }
    }
}

/// Lets a caller poll once or not at all: every poll is one more step to explore.
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
