//! [`TaskPool`]: futures on a Tokio runtime, bounded by how many are in flight; the bulkhead for async listeners.
//! [`TokioPool`]: the blocking threads of a Tokio runtime as a bounded pool.
//!
//! Pick the latter when the program runs on Tokio and its listeners call blocking code: the runtime's blocking threads are there
//! already, and leave when they are idle. Tokio's own queue for them has no bound; this pool has.

mod pool;
mod task_pool;
mod tasks;
mod threads;

pub use crate::pool::TokioPool;
pub use crate::task_pool::TaskPool;
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};
