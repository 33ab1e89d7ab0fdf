//! Why a pool rejects a job.

use std::time::Duration;

/// Why a pool rejected a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitErrorReason {
    /// The pool was stopped or released.
    #[error("the pool is closed")]
    Closed,
    /// The queue is full, and the pool does not wait when it is.
    #[error("the queue is full ({capacity} waiting)")]
    Full {
        /// Jobs that may wait at once.
        capacity: usize,
    },
    /// The queue stayed full for as long as the pool was to wait.
    #[error("the queue stayed full for {waited:?}")]
    TimedOut {
        /// How long the submitter waited.
        waited: Duration,
    },
    /// It would have to run inline, on a thread that already runs this many jobs of the pool inside one another.
    #[error("{depth} jobs of the pool already run inside one another on this thread")]
    RecursionLimit {
        /// How many.
        depth: usize,
    },
    /// The pool has no worker and none could be started.
    #[error("no worker could be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// A reason of the pool's own.
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
