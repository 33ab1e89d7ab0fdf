//! [`TokioPool`]: the blocking threads of a Tokio runtime as a bounded pool.
//!
//! Pick it when the program runs on Tokio and its listeners call blocking code: the runtime's blocking threads are there
//! already, and leave when they are idle. Tokio's own queue for them has no bound; this pool has.

mod pool;
mod threads;

pub use crate::pool::TokioPool;
pub use soiree_core::{
    InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError, SubmitError,
    SubmitErrorReason, Unfinished, WaitError,
};
