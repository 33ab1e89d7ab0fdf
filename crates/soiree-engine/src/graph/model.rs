//! What an `EventPool` is made of at one moment, as data.

use std::sync::Arc;

use soiree_core::{ListenerId, Pattern, PatternInfo, PoolStats};

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

/// A store of durable events. What an outbox adds to its graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreInfo {
    /// What the store is called, such as the path of its file.
    pub name: Box<str>,
    /// Events that it holds.
    pub events: u64,
    /// Why events cannot be stored or read just now.
    pub error: Option<Box<str>>,
    /// The durable listeners that it knows, by name.
    pub listeners: Vec<StoreListenerInfo>,
}

/// How a durable listener stands in a [`StoreInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreListenerInfo {
    /// Its durable name: [`ListenerInfo::durable`](soiree_core::ListenerInfo::durable).
    pub name: Arc<str>,
    /// Whether no listener of this name is subscribed.
    pub is_orphan: bool,
    /// Whether this process delivers to it.
    pub is_held: bool,
    /// Events that it has not come to.
    pub waiting: u64,
    /// Events that wait for a retry, or for one that does.
    pub parked: u64,
    /// Events that nobody tries again.
    pub dead: u64,
}

/// A bridge to other machines. What `Nats::info` returns, to be added to the graph of the event pool or the outbox that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BridgeInfo {
    /// What the bridge is called, such as the name of its stream.
    pub name: Box<str>,
    /// Whether there is a connection.
    pub is_connected: bool,
    /// Events that the other side has acknowledged.
    pub published: u64,
    /// What went wrong last.
    pub error: Option<Box<str>>,
    /// The listeners that publish.
    pub publishers: Vec<ListenerId>,
    /// What brings events in.
    pub consumers: Vec<BridgeConsumerInfo>,
}

/// What brings events in over a [`BridgeInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BridgeConsumerInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Which topics it brings.
    pub pattern: Box<str>,
    /// How many partitions it is divided into, if it is. The figures are those of all together.
    pub partitions: Option<u32>,
    /// Whether it asks for messages, for those of every partition.
    pub is_pulling: bool,
    /// Messages that it has not been given.
    pub lag: u64,
    /// Messages received, repeated ones included.
    pub received: u64,
    /// Messages that have ended.
    pub acked: u64,
    /// Messages that were received before.
    pub redelivered: u64,
    /// Messages that nobody tries again.
    pub dead: u64,
}

/// Who listens to what, and what runs where. What `EventPool::graph` returns.
///
/// Written with `{}`, or by [`to_dot`](Graph::to_dot), it is a graph in the language of Graphviz, which `dot -Tsvg` draws: the
/// patterns as a tree, each with its listeners in calling order and the order by key that it has, and the pools that routes and
/// listeners lead to. A route has an arrow from its own pattern and from those all of whose topics it matches. A legend says what the
/// colors and arrows mean. An outbox adds its store, with arrows to its durable listeners, whose names have a double border. A bridge has arrows from the listeners that publish, and to the
/// patterns whose events it brings.
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
    /// The stores of durable events: that of the outbox whose graph this is.
    pub stores: Vec<StoreInfo>,
    /// Bridges to other machines. Empty, unless the caller adds some.
    pub bridges: Vec<BridgeInfo>,
}
