//! The primitives of the standard library.

use std::sync::{OnceLock, PoisonError};
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
