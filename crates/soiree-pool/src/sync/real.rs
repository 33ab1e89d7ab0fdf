//! The primitives as everybody gets them.

use std::sync::PoisonError;
use std::time::Instant;

pub(crate) use crossbeam_channel::{Receiver, Select, Sender, TrySendError, bounded, unbounded};
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, fence};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::yield_now;
pub(crate) use std::thread_local;

/// Over how many counters threads are spread.
pub(crate) const STRIPES: usize = 16;

/// How often to read counters that will not hold still.
pub(crate) const TRIES: usize = 64;

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
