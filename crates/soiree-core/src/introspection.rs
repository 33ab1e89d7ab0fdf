//! What an `EventPool` is made of at one moment, as data.

mod dot;
mod tree;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::listener::ListenerId;
use crate::order::KeyOrderStats;
use crate::priority::Priority;
use crate::retry::Retry;
use crate::stats::PoolStats;
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

/// A pool that emissions run on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolInfo {
    /// Its name; the default pool is called `default`.
    pub name: Arc<str>,
    /// Its figures.
    pub stats: PoolStats,
}

/// A route: emissions on topics that match run on a bulkhead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteInfo {
    /// Which topics it holds for.
    pub pattern: Pattern,
    /// The name of the pool that it leads to.
    pub pool: Arc<str>,
}

/// Who listens to what, and what runs where. Made by [`Emitter::graph`](crate::Emitter::graph).
///
/// Written with `{}`, or by [`to_dot`](Graph::to_dot), it is a graph in the language of Graphviz, which `dot -Tsvg` draws: the
/// patterns as a tree, each with its listeners in calling order and the order by key that it has, and the pools that routes and
/// listeners lead to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Graph {
    /// Every pattern that has listeners, segment by segment in alphabetical order.
    pub patterns: Vec<PatternInfo>,
    /// The default pool first; then the bulkheads by name.
    pub pools: Vec<PoolInfo>,
    /// Every route, the most specific first: of those that match a topic the first one holds.
    pub routes: Vec<RouteInfo>,
    /// Every order by key, the most specific first.
    pub orders: Vec<KeyOrderStats>,
}

impl Graph {
    /// The graph in the language of Graphviz. All names are escaped; characters that cannot be seen are spelled out, as `\u{7f}`.
    pub fn to_dot(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dot::write(self, f)
    }
}
