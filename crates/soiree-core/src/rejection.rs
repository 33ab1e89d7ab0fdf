//! The reasons for which a pool rejects a job.

use std::time::Duration;

/// Why a pool rejected a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitErrorReason {
    /// The pool was stopped or released.
    #[error("the pool is closed")]
    Closed,
    /// The queue is full, and the submitter does not wait.
    #[error("the queue is full ({capacity} waiting)")]
    Full {
        /// How many jobs may wait.
        capacity: usize,
    },
    /// The queue stayed full for as long as the submitter waits.
    #[error("the queue stayed full for {waited:?}")]
    TimedOut {
        /// How long the submitter has waited.
        waited: Duration,
    },
    /// The job would have to run inline, on a thread that already runs too many jobs of the pool inside one another.
    #[error("this thread already runs {depth} jobs of the pool inside one another")]
    RecursionLimit {
        /// How many jobs the thread already runs inside one another.
        depth: usize,
    },
    /// The job is a future, and the thread would have to block until it is ready, although it is one that polls futures.
    #[error("waiting for the future here would block a thread that polls futures")]
    WouldBlock,
    /// The pool has no worker, and could not start one.
    #[error("no worker could be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// A reason that is specific to the pool.
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
