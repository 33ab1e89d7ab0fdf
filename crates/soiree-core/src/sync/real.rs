//! The primitives as everybody gets them.

use std::sync::PoisonError;
use std::time::Instant;

pub use std::sync::atomic::{AtomicBool, AtomicU64};
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
pub use std::thread_local;

/// Over how many counters threads are spread.
pub const STRIPES: usize = 16;

/// Waits, and says whether it timed out.
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
