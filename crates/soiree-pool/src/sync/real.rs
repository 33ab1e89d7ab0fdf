//! The primitives as everybody gets them.

use std::hint::spin_loop;
use std::sync::TryLockError;
use std::time::Instant;

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

use super::poison::ignore_poison;

/// How often to read counters that will not hold still.
pub(crate) const MAX_READ_ATTEMPTS: usize = 64;

/// As [`lock`](super::lock), and while another thread holds the lock, looks for it seldom.
///
/// Each look takes the lock's memory from the processor that works with it. Left alone, that one goes through several rounds.
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

/// As [`wait`](super::wait), and says whether the deadline has passed. Callers believe that, and not the clock.
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
