//! The primitives as everybody gets them.

use std::sync::PoisonError;
use std::time::Instant;

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// How often to read counters that will not hold still.
pub(crate) const TRIES: usize = 64;

/// As [`wait`](super::wait), and says whether the deadline has passed. Callers believe that, and not the clock.
pub(crate) fn wait_until<'a, T>(
    _mutex: &Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
        return (guard, true);
    };
    let (guard, waited) = condvar
        .wait_timeout(guard, rest)
        .unwrap_or_else(PoisonError::into_inner);
    (guard, waited.timed_out())
}
