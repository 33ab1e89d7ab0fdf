//! Looking at an `EventPool`: who listens to what, and what runs where.

use soiree_core::{InvalidTopic, ListenerInfo, TopicInfo};
use soiree_engine::Graph;

use crate::handle::EventPool;

/// # Introspection
impl EventPool {
    /// How many listeners there are.
    pub fn len(&self) -> usize {
        self.inner.emitter.registry().len()
    }

    /// Whether there is no listener.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every pattern that has listeners, with their number, segment by segment in alphabetical order.
    ///
    /// Never blocks, nor holds up emitters or those who subscribe; copies what it says. Patterns that nothing but a
    /// [`Topic`](crate::Topic) handle keeps are not among them.
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

    /// The listeners that an emission on this topic would call now, in that order, and why in that order.
    ///
    /// A listener whose filter would refuse the event is among them, one whose runs are used up is not. Never blocks, nor holds
    /// up emitters or those who subscribe.
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
        self.inner.emitter.registry().listeners_for(topic)
    }

    /// Whether an emission on this topic would find a listener now: worth asking before a payload is made that costs much.
    ///
    /// Costs less than an emission: takes no lock and, unless very many patterns with wildcards match a part of the topic,
    /// allocates nothing. The answer holds for this moment only, since listeners may come and go before the next line: after a `true` the
    /// emission may still find nobody, and a listener that is subscribed after a `false` misses an event that is then not
    /// emitted. Nor does the [dead event handler](EventPool::set_dead_event_handler) see what is not emitted. A listener whose
    /// filter would refuse the event counts; one whose runs are used up does not. `false` once it is closed.
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

    /// Who listens to what, and what runs where, as data; written with `{}`, as a graph for Graphviz.
    ///
    /// The subscriptions are those of one moment, and so are pools and routes. Emitters and those who subscribe are not held
    /// up, whatever its size; it copies everything there is.
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
