//! Every sync primitive of the crate, so that a model checker can take their place.
//!
//! With `--cfg soiree_model` they are shuttle's.

#[cfg(soiree_model)]
mod model;
#[cfg(not(soiree_model))]
mod real;

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(soiree_model)]
pub(crate) use self::model::*;
#[cfg(not(soiree_model))]
pub(crate) use self::real::*;

use std::sync::PoisonError;

/// Locks, whatever became of the last holder: no state behind these locks is ever half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until notified, or until no particular reason.
pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
