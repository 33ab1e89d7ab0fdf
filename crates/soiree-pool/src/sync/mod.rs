//! Every synchronization primitive of the crate: those of `std`, or those of the model checker with `--cfg soiree_model`.

#[cfg(soiree_model)]
mod model;
mod poison;
#[cfg(not(soiree_model))]
mod real;

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(soiree_model)]
pub(crate) use self::model::*;
#[cfg(not(soiree_model))]
pub(crate) use self::real::*;

use self::poison::ignore_poison;

/// Locks the mutex, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    ignore_poison(mutex.lock())
}

/// Waits until notified. May also return without a notification.
pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    ignore_poison(condvar.wait(guard))
}
