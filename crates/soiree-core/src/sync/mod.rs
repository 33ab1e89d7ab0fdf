//! The sync primitives that pools rely on, so that a model checker can take their place.
//!
//! With `--cfg soiree_model` they are shuttle's. Everything else in the crate keeps to `std`.

#[cfg(soiree_model)]
mod model;
mod monitor;
#[cfg(not(soiree_model))]
mod real;

#[cfg(soiree_model)]
pub(crate) use self::model::{AtomicBool, AtomicU64, STRIPES, thread_local};
pub(crate) use self::monitor::Monitor;
#[cfg(not(soiree_model))]
pub(crate) use self::real::{AtomicBool, AtomicU64, STRIPES, thread_local};
