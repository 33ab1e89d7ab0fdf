//! The data that an [`EventPool`] describes itself with.
//!
//! | returned by | names |
//! |---|---|
//! | [`topics`](EventPool::topics) | [`TopicInfo`] |
//! | [`listeners_for`](EventPool::listeners_for) | [`ListenerInfo`] |
//! | [`graph`](EventPool::graph) | [`Graph`] of [`PatternInfo`], [`ListenerInfo`], [`PoolInfo`], [`RouteInfo`], of an outbox [`StoreInfo`] with [`StoreListenerInfo`], and of a bridge [`BridgeInfo`] with [`BridgeConsumerInfo`] |
//! | [`stats`](EventPool::stats) | [`Stats`](crate::Stats) of [`PoolStats`](crate::PoolStats), [`WaitingStats`](crate::WaitingStats) and [`KeyOrderStats`] |

#[doc(inline)]
pub use soiree_core::{InboxInfo, ListenerInfo, PatternInfo, TopicInfo};
#[doc(inline)]
pub use soiree_engine::{
    BridgeConsumerInfo, BridgeInfo, Graph, KeyOrderStats, PoolInfo, RouteInfo, StoreInfo,
    StoreListenerInfo,
};

use soiree_core::InvalidTopic;

use crate::handle::EventPool;

/// # Introspection
impl EventPool {
    /// Returns the number of listeners.
    pub fn len(&self) -> usize {
        self.inner.emitter.registry().len()
    }

    /// Returns `true` if there are no listeners.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns every pattern that has listeners, and how many, sorted segment by segment. Patterns that have only a
    /// [`Topic`](crate::Topic) handle are not listed.
    ///
    /// Neither blocks nor delays emits and subscriptions. Copies what it returns.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// soiree.on("user.*", |_| {})?;
    /// soiree.on("user.*", |_| {})?;
    /// soiree.on("order.**", |_| {})?;
    /// for topic in soiree.topics() {
    ///     println!("{}: {} listeners", topic.pattern, topic.listeners);
    /// }
    /// # let topics = soiree.topics();
    /// # assert_eq!((topics[0].pattern.as_str(), topics[0].listeners), ("order.**", 1));
    /// # assert_eq!((topics[1].pattern.as_str(), topics[1].listeners), ("user.*", 2));
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn topics(&self) -> Vec<TopicInfo> {
        self.inner.emitter.registry().topics()
    }

    /// Returns the listeners that an emission on this topic would call now, in calling order, with what decides that order.
    ///
    /// Those that are called [by address](crate::Soiree::address) come last: no emission calls them.
    ///
    /// Filters are not run, so listeners that would reject the event are listed. Listeners without runs left are not. Neither
    /// blocks nor delays emits and subscriptions.
    ///
    /// # Errors
    /// If the topic is malformed.
    ///
    /// ```
    /// use soiree::{ListenerOptions, Priority};
    /// # let soiree = soiree::EventPool::new();
    /// soiree.on_with("user.*", ListenerOptions::new().name("audit"), |_| {})?;
    /// soiree.on_with("user.created", Priority::High, |_| {})?;
    /// for listener in soiree.listeners_for("user.created")? {
    ///     let name = listener.name.as_deref().unwrap_or(listener.id.as_str());
    ///     let place = listener.registered_at.map(ToString::to_string).unwrap_or_default();
    ///     println!("{} {name} on {}, registered at {place}", listener.priority, listener.pattern);
    /// }
    /// # let listeners = soiree.listeners_for("user.created")?;
    /// # assert_eq!(listeners[0].priority, Priority::High);
    /// # assert_eq!(listeners[1].name.as_deref(), Some("audit"));
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        self.inner.emitter.listeners_for(topic)
    }

    /// Returns `true` if an emission on this topic would find a listener now. Ask before you make an expensive payload.
    ///
    /// Costs less than an emission: it waits for no thread that subscribes, and allocates nothing unless a great many wildcard patterns match part of
    /// the topic. Filters are not run. Listeners without runs left do not count. Returns `false` once the `EventPool` is closed.
    ///
    /// The answer may be out of date at once. After `true`, the emission may still find no listener. If you do not emit after
    /// `false`, a listener subscribed in the meantime misses the event, and the [unheard event
    /// handler](EventPool::set_unheard_event_handler) is not called for it.
    ///
    /// # Errors
    /// If the topic is malformed.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// # let render_invoice = || "much work";
    /// if soiree.has_listeners("invoice.rendered")? {
    ///     soiree.emit("invoice.rendered", render_invoice())?;
    /// }
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        self.inner.emitter.registry().has_listeners(topic)
    }

    /// Returns all patterns, listeners, pools and routes as data. `{}` prints them as a graph for Graphviz.
    ///
    /// The subscriptions are a snapshot of one moment, and so are the pools and routes. Copies all of them, without delaying
    /// emits and subscriptions.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// soiree.on("user.*", |_| {})?;
    /// let graph = soiree.graph();
    /// assert_eq!(graph.patterns[0].listeners.len(), 1);
    /// println!("{graph}"); // into `dot -Tsvg`
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn graph(&self) -> Graph {
        self.inner.emitter.graph()
    }
}
