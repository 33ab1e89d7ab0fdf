//! Durable events.

use std::time::Duration;

use super::macros::constructors;
use crate::event_id::EventId;
use crate::store::{Position, StoreError};

/// An event was committed to the store of an outbox.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EventStored<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The ID of the event.
    pub id: EventId,
    /// Where in the log it is.
    pub position: Position,
    /// The same event was stored before. This one was not.
    pub is_duplicate: bool,
}

/// An outbox has delivered an event to a durable listener, or has given up.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DeliveryEnded<'a> {
    /// The durable name of the listener.
    pub listener: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The ID of the event.
    pub id: EventId,
    /// Where in the log it is.
    pub position: Position,
    /// The number of the attempt. The first one is 1.
    pub attempt: u32,
    /// How it ended.
    pub outcome: DeliveryEnd<'a>,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryEnd<'a> {
    /// The listener has handled the event.
    Done,
    /// The filter of the listener does not match.
    Skipped,
    /// It failed, and is tried again.
    Retried {
        /// The error, as it is written down.
        error: &'a str,
        /// After how long.
        after: Duration,
    },
    /// It failed for the last time, or the event cannot be read: it is dead.
    Dead {
        /// The error, as it is written down.
        error: &'a str,
    },
    /// The listener was not called, such as by a pool that was stopped. The event is delivered again, and no attempt is counted.
    NotCalled,
}

/// The store of an outbox has started to fail.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StoreFailed<'a> {
    /// What the store is called.
    pub store: &'a str,
    /// The error.
    pub error: &'a StoreError,
    /// Nothing is stored or delivered until an outbox is built anew. If not, the store is tried again.
    pub is_final: bool,
}

constructors! {
    EventStored { topic: &'a str, id: EventId, position: Position, is_duplicate: bool }
    DeliveryEnded { listener: &'a str, topic: &'a str, id: EventId, position: Position, attempt: u32, outcome: DeliveryEnd<'a> }
    StoreFailed { store: &'a str, error: &'a StoreError, is_final: bool }
}
