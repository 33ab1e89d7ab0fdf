//! [`RayonPool`]: an own or a shared [`rayon::ThreadPool`] as a bounded pool.
//!
//! Pick it when the program computes on rayon already and should not start more threads than it has cores: events and
//! parallel iterators then share them. Jobs that block a rayon thread keep it from computing; for those, take another pool.

mod pool;
mod threads;

pub use crate::pool::{RayonError, RayonPool};
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};
