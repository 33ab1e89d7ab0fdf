//! [`WorkerPool`]: a bounded pool of workers made of two channels, one that queues jobs and one that holds the worker limit.
//!
//! - **Bounded**: never more than `max_workers` jobs at once, never more than `capacity` waiting; [`Overflow`] says what a
//!   submitter meets beyond that.
//! - **Visible**: [`PoolStats`] tells of every job what became of it, and balances in every snapshot.
//! - **Nothing lost silently**: a refused job comes back in the error, a discarded one is counted and told.
//! - **Cannot deadlock itself**: submitting, waiting, stopping and releasing work from the pool's own jobs.

mod builder;
mod counters;
mod job_queue;
mod pool;
mod resize;
mod shared;
mod shutdown;
mod spawn;
mod state;
mod strategy;
mod submit;
mod sync;
mod worker;
mod worker_permits;

pub use crate::builder::{BuildError, WorkerPoolBuilder};
pub use crate::pool::WorkerPool;
pub use crate::strategy::{Balanced, Eager, Lazy, Load, Strategy};
pub use soiree_core::{
    InvalidPoolOptions, Job, JobOutcome, MAX_CAPACITY, MAX_INLINE_DEPTH, MAX_WORKERS, Overflow,
    PanicPayload, Pool, PoolStats, ResizeError, SubmitError, SubmitErrorReason, Unfinished,
    WaitError,
};
