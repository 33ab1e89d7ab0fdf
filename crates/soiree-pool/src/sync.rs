//! Every channel and sync primitive of the crate, so that a model checker can take their place.

pub(crate) use crossbeam_channel::{Receiver, Select, Sender, TrySendError, bounded, unbounded};
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Locks, whatever became of the last holder: no state behind these locks is ever half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
