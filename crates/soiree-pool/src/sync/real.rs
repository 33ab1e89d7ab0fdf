//! The primitives of `std`, which every build but the model checker's uses.

use std::time::Instant;

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use soiree_core::sync::lock_with_backoff;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

use super::poison::ignore_poison;

/// How often to read counters that keep changing.
pub(crate) const MAX_READ_ATTEMPTS: usize = 64;

/// As [`wait`](super::wait), and returns whether the deadline has passed. Callers go by that and not by the clock, so that the
/// model checker can decide.
pub(crate) fn wait_until<'a, T>(
    _mutex: &Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    let Some(remaining) = deadline.checked_duration_since(Instant::now()) else {
        return (guard, true);
    };
    let (guard, result) = ignore_poison(condvar.wait_timeout(guard, remaining));
    (guard, result.timed_out())
}
