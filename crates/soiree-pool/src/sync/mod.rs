//! Every channel and sync primitive of the crate, so that a model checker can take their place.
//!
//! With `--cfg soiree_model`, channels are those of `model`, which shuttle can see into, and all else is shuttle's own.
//! Both keep to the contract that `contract` tests.

#[cfg(test)]
mod contract;
#[cfg(soiree_model)]
mod model;
mod monitor;
#[cfg(not(soiree_model))]
mod real;

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(soiree_model)]
pub(crate) use self::model::*;
pub(crate) use self::monitor::Monitor;
#[cfg(not(soiree_model))]
pub(crate) use self::real::*;

use std::sync::PoisonError;

/// Locks, whatever became of the last holder: no state behind these locks is ever half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
