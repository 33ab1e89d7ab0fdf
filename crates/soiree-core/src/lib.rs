//! The contract of soiree.
mod job;
mod pool;
mod stats;
pub use crate::job::{Job, JobOutcome, PanicPayload, Task};
pub use crate::pool::{Pool, SubmitError, SubmitErrorReason, Unfinished, WaitError};
pub use crate::stats::PoolStats;
