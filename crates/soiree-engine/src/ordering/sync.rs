//! The sync primitives of the queues of keys. With `--cfg soiree_model` they are those of shuttle.

#[cfg(soiree_model)]
pub(super) use shuttle::{
    sync::atomic::AtomicUsize,
    sync::{Mutex, MutexGuard},
    thread,
};
#[cfg(not(soiree_model))]
pub(super) use std::{
    sync::atomic::AtomicUsize,
    sync::{Mutex, MutexGuard},
    thread,
};
