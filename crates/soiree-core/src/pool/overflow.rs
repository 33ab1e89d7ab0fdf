//! What a pool does when its queue is full.

use std::time::Duration;

/// What a pool does with a new job when its queue is full and it may start no more workers.
///
/// Exhaustive on purpose: a pool that does not handle a new policy must fail to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// The submitter blocks until there is room. On a worker of the same pool, the job runs inline instead.
    #[default]
    Block,
    /// Like `Block`, but the job is rejected after this time.
    BlockFor(Duration),
    /// The job is rejected at once.
    Reject,
    /// The submitter runs the job inline.
    CallerRuns,
    /// The oldest waiting job is dropped, and counts as discarded. If the capacity is 0, the new job is rejected instead.
    DropOldest,
}
