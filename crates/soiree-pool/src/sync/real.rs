//! The primitives of `std`, which every build but the model checker's uses.

use std::hint::spin_loop;
use std::sync::TryLockError;
use std::time::Instant;

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

use super::poison::ignore_poison;

/// How often to read counters that keep changing.
pub(crate) const MAX_READ_ATTEMPTS: usize = 64;

/// Locks the mutex, poisoned or not. If it is locked, retries with pauses before it blocks.
///
/// Every attempt takes the cache line of the lock and its data away from the owner. Left alone, the owner locks and unlocks several
/// times in a row, so jobs are queued and taken in batches.
pub(crate) fn lock_with_backoff<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    const ATTEMPTS: usize = 8;
    const SPINS_PER_ATTEMPT: usize = 64;
    for _ in 0..ATTEMPTS {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => (0..SPINS_PER_ATTEMPT).for_each(|_| spin_loop()),
        }
    }
    ignore_poison(mutex.lock())
}

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
