//! [`PondPool`]: the [`threadpool`](https://docs.rs/threadpool) crate as a bounded pool, with full
//! statistics under the names of Go's pond.
//!
//! Choose it if all threads must run from the start and stay: the pool starts one thread for each worker when it is made, and
//! none exits before the pool ends. `threadpool` itself has an unbounded queue and counts little; the bounds, the statistics,
//! deadlines and shutdown come from [`BoundedPool`](soiree_bounded::BoundedPool).

mod executor;
mod pool;

pub use crate::pool::{PondError, PondPool};
pub use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, PoolStats, ResizeError,
    SubmitError, SubmitErrorReason, WaitError,
};
