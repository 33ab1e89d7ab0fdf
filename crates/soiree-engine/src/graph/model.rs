//! What an `EventPool` is made of at one moment, as data.

use std::sync::Arc;

use soiree_core::{Pattern, PatternInfo, PoolStats};

use crate::ordering::KeyOrderStats;

/// A pool that emissions run on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolInfo {
    /// Its name; the default pool is called `default`.
    pub name: Arc<str>,
    /// Its statistics.
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

/// Who listens to what, and what runs where. What `EventPool::graph` returns.
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
    /// Every route, the most specific first: the first one that matches a topic applies.
    pub routes: Vec<RouteInfo>,
    /// Every order by key, the most specific first.
    pub orders: Vec<KeyOrderStats>,
}
