//! The primitives of the standard library.

use std::sync::PoisonError;
use std::time::Instant;

pub use std::sync::atomic::{AtomicBool, AtomicU64};
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
pub use std::thread_local;

/// The number of counters that threads are spread over, to keep them from writing to the same one.
pub const STRIPES: usize = 16;

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
