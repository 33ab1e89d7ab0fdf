//! Listeners and patterns as data.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::listener::ListenerId;
use crate::priority::Priority;
use crate::retry::Retry;
use crate::topic::Pattern;

/// A listener, and what decides when and where it is called.
///
/// The listeners of an emission are called by descending `priority`, and those of the same by ascending `registration`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerInfo {
    /// What it is subscribed to.
    pub pattern: Pattern,
    /// How early it is called.
    pub priority: Priority,
    /// Orders listeners by when they were subscribed. Numbers ascend over all patterns of an `EventPool`.
    pub registration: u64,
    /// Its ID.
    pub id: ListenerId,
    /// The name it was given, if any.
    pub name: Option<Arc<str>>,
    /// Where in the program's source it was registered, if known.
    pub registered_at: Option<&'static Location<'static>>,
    /// The pool of its own, if it has one. All others run where the emission does.
    pub pool: Option<Arc<str>>,
    /// How often it will still be called, if that is limited.
    pub runs_left: Option<u64>,
    /// How it is called again when it fails, if it is.
    pub retry: Option<Retry>,
    /// How long emissions wait for it, if that is limited.
    pub timeout: Option<Duration>,
    /// For how long it may run before it is told of as slow, if that is its own affair. `Duration::MAX` for ever.
    pub slow_after: Option<Duration>,
    /// Whether a filter says which events it is called for.
    pub has_filter: bool,
    /// Whether it is a future, which runs on the bulkhead `async` if it has no other pool of its own.
    pub is_async: bool,
}

/// A pattern, and how many listen to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicInfo {
    /// The pattern.
    pub pattern: Pattern,
    /// How many listeners it has.
    pub listeners: usize,
}

/// A pattern, and who listens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatternInfo {
    /// The pattern.
    pub pattern: Pattern,
    /// Its listeners, in calling order.
    pub listeners: Vec<ListenerInfo>,
}
