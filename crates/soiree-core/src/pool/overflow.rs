//! What a full pool does.

use std::time::Duration;

/// What a submitter meets when the queue is full and no further worker may be started.
///
/// Exhaustive on purpose: a pool that does not know a policy must not compile, rather than do something else.
///
/// On a worker of the same pool `Block` and `BlockFor` run the job inline in place of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// It waits for a place.
    #[default]
    Block,
    /// It waits for a place so long, and is then refused.
    BlockFor(Duration),
    /// It is refused at once.
    Reject,
    /// It runs the job itself.
    CallerRuns,
    /// The oldest waiting job is discarded to make place. With a capacity of 0 there is none, and it is refused.
    DropOldest,
}
