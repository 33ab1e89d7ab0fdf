//! [`WorkerPool`]: a bounded pool of worker threads, built from two channels: a job queue and a worker limit.
//!
//! - **Bounded**: at most `max_workers` jobs run at once, and at most `capacity` jobs wait. [`Overflow`] decides what a submitter
//!   gets when the queue is full: it blocks, gets an error, runs the job itself, or replaces the oldest job.
//! - **Visible**: [`PoolStats`] counts every job from its submission to its end, and adds up in every snapshot.
//! - **Nothing lost silently**: a rejected job comes back inside the error, a discarded job is counted.
//! - **Cannot deadlock on itself**: a job may submit to, wait for, stop and release the pool that runs it.

mod builder;
mod counters;
mod job_queue;
mod pool;
mod reserve;
mod resize;
mod shared;
mod shutdown;
mod spawn;
mod state;
mod strategy;
mod submit;
mod sync;
mod task_waiter;
mod waiters;
mod worker;
mod worker_permits;

pub use crate::builder::{BuildError, WorkerPoolBuilder};
pub use crate::pool::WorkerPool;
pub use crate::strategy::{Balanced, Eager, Lazy, Load, Strategy};
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, JobId, JobOutcome, MAX_CAPACITY, MAX_INLINE_DEPTH,
    MAX_WORKERS, Overflow, PanicPayload, Pool, PoolOptions, PoolStats, ResizeError, SubmitError,
    SubmitErrorReason, WaitError,
};
