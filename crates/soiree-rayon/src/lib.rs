//! [`RayonPool`]: a [`rayon::ThreadPool`](https://docs.rs/rayon), its own or a shared one, as a bounded pool.
//!
//! Choose it if the program computes on rayon already and should not start more threads than it has cores: events and parallel
//! iterators then share the threads. A job that blocks its rayon thread keeps that thread from computing; use another pool for
//! such jobs.

mod executor;
mod pool;

pub use crate::pool::{RayonError, RayonPool};
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};
