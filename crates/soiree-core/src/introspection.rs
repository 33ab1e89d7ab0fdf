//! Descriptions of listeners and patterns.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::inbox_info::InboxInfo;
use crate::listener::ListenerId;
use crate::priority::Priority;
use crate::retry::Retry;
use crate::topic::Pattern;

/// A listener and its options, as they were when this was created.
///
/// An emission calls its listeners by descending `priority`, then by ascending `registration`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerInfo {
    /// The pattern that the listener is subscribed to.
    pub pattern: Pattern,
    /// The priority.
    pub priority: Priority,
    /// A sequence number, which is higher for a listener that was subscribed later, to any pattern.
    pub registration: u64,
    /// The ID, which is unique within the pattern.
    pub id: ListenerId,
    /// The name, if it has one.
    pub name: Option<Arc<str>>,
    /// The place in the source that subscribed the listener, if known.
    pub registered_at: Option<&'static Location<'static>>,
    /// The bulkhead that the listener runs on. `None` if it runs where the emission does.
    pub pool: Option<Arc<str>>,
    /// How many runs are left. `None` if the number of runs is not limited.
    pub runs_left: Option<u64>,
    /// How the listener is retried when it fails, if it is. Without the [predicate](Retry::when).
    pub retry: Option<Retry>,
    /// How long an emission waits for the listener. `None` if there is no limit.
    pub timeout: Option<Duration>,
    /// How many calls of the listener may run at once, of all or of each key. `None` if that is not limited.
    pub max_concurrent: Option<usize>,
    /// How long the listener may run before it counts as slow. `None` if the limit of the `EventPool` applies.
    pub slow_after: Option<Duration>,
    /// Whether the listener has a filter.
    pub has_filter: bool,
    /// Whether it is an [async listener](crate::AsyncListener).
    pub is_async: bool,
    /// The name of the listener in the store of an outbox, if it is [durable](crate::ListenerOptions::durable).
    pub durable: Option<Arc<str>>,
    /// The figures of the inbox that the listener fills, if it fills one.
    pub inbox: Option<InboxInfo>,
}

/// A pattern, and the number of its listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicInfo {
    /// The pattern.
    pub pattern: Pattern,
    /// How many listeners are subscribed to exactly this pattern.
    pub listeners: usize,
}

/// A pattern, and its listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatternInfo {
    /// The pattern.
    pub pattern: Pattern,
    /// The listeners that are subscribed to exactly this pattern, in calling order.
    pub listeners: Vec<ListenerInfo>,
}
