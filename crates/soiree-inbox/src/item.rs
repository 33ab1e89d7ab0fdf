//! What an inbox yields, and the errors of receiving.

use std::sync::Arc;

use soiree_core::Event;

/// What an inbox yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<E = Arc<dyn Event>> {
    /// An event that matched.
    Event(E),
    /// So many events that matched were missed here.
    Missed(u64),
}

/// The next item of an inbox, as its [channel](crate::Inbox::receiver) yields it. Pass it to [`Inbox::take`](crate::Inbox::take).
#[derive(Debug)]
#[must_use = "until it is taken, it counts towards the capacity"]
pub struct Queued(pub(crate) u64);

/// The inbox has ended: its `EventPool` was closed, and all that it held was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inbox has ended")]
pub struct Closed;

/// Nothing was received at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryRecvError {
    /// The inbox is empty.
    #[error("the inbox is empty")]
    Empty,
    /// The inbox has ended.
    #[error("the inbox has ended")]
    Closed,
}

/// Nothing was received in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecvTimeoutError {
    /// The inbox was empty all the time.
    #[error("nothing came in time")]
    TimedOut,
    /// The inbox has ended.
    #[error("the inbox has ended")]
    Closed,
}
