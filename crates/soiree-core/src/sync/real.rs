//! The primitives of the standard library.

use std::hint::spin_loop;
use std::sync::{OnceLock, PoisonError, TryLockError};
use std::time::Instant;

pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
pub use std::sync::{Condvar, Mutex, MutexGuard};
pub use std::{thread, thread_local};

/// A lock that is only tried, never waited for. Unlocking it is a store.
pub(super) use spin::mutex::{SpinMutex as TryMutex, SpinMutexGuard as TryMutexGuard};

/// The number of counters that threads are spread over, to keep them from writing to the same one.
pub const STRIPES: usize = 16;

/// In how many places threads read a value that is seldom replaced: two for each processor, a power of two, and 64 at most.
pub(super) fn read_slots() -> usize {
    static SLOTS: OnceLock<usize> = OnceLock::new();
    *SLOTS.get_or_init(|| {
        let processors = thread::available_parallelism().map_or(4, usize::from);
        (2 * processors.min(32)).next_power_of_two().clamp(8, 64)
    })
}

/// Locks the mutex of a queue of this capacity, poisoned or not. If it is locked, retries with pauses before it blocks.
///
/// Every attempt takes the cache line of the lock and its data away from the owner. Left alone for some microseconds, the owner locks and
/// unlocks several times in a row. In a short queue, it soon has no more to do: then both would wait.
pub fn lock_with_backoff<T>(mutex: &Mutex<T>, capacity: usize) -> MutexGuard<'_, T> {
    const ATTEMPTS: usize = 8;
    const LONGEST_PAUSE: usize = 256;
    const SHORTEST_PAUSE: usize = 4;
    for _ in 0..ATTEMPTS {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let pause = (capacity / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                (0..pause).for_each(|_| spin_loop());
            }
        }
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification. Also returns whether the deadline has passed.
pub(super) fn wait_until<'a, T>(
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
