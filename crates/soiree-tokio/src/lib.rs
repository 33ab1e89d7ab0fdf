//! Two bounded pools on a Tokio runtime.
//!
//! - [`TaskPool`] runs futures as tasks of the runtime and limits how many are in flight. Choose it as the bulkhead for async
//!   listeners.
//! - [`TokioPool`] runs jobs on the blocking threads of the runtime. Choose it if the program runs on Tokio and its listeners
//!   call blocking code. Tokio's own queue for these threads has no bound; this pool has one.

mod blocking_executor;
mod pool;
mod task_executor;
mod task_pool;

pub use crate::pool::TokioPool;
pub use crate::task_pool::TaskPool;
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};
