//! [`PondPool`]: the [`threadpool`] crate as a bounded pool, with the vocabulary of Go's pond and full stats.
//!
//! Pick it when threads should be there from the start and stay: its threads are started when the pool is made, one for each
//! worker, and never leave before the pool ends. `threadpool` itself has an unbounded queue and counts little; bounding,
//! counting, deadlines and shutdown come from [`BoundedPool`](soiree_bounded::BoundedPool).

mod pool;
mod threads;

pub use crate::pool::{PondError, PondPool};
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};
