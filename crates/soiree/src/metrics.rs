//! Prometheus metrics of pools, emissions and listeners. Add them with [`EventPool::add_metrics`].
//!
//! The crate [`soiree_metrics`] documents each metric and its labels, and how many series there are at most.
//!
//! | for | names |
//! |---|---|
//! | a program without metrics of its own | [`Metrics`], [`MetricsBuilder`], [`BuildError`], [`CONTENT_TYPE`] |
//! | a program with a registry of its own | [`Metrics::register`], [`RegisterError`], [`prometheus_client`] |
//! | one `EventPool` | [`EventPoolMetrics`], [`EventPoolStats`], [`NameError`] |
//! | one outbox | `add_outbox`, with the feature `outbox`; [`OutboxFigures`], [`OutboxState`], [`RejectedFigures`], [`HistogramFigures`], [`DurableFigures`] |
//! | one bridge to NATS | `add_nats`, with the feature `nats`; [`NatsFigures`], [`ConsumerFigures`] |
//! | values of labels | [`UNNAMED`], [`OTHER`] |

use std::sync::Arc;

#[doc(no_inline)]
pub use soiree_metrics::prometheus_client;
#[doc(inline)]
pub use soiree_metrics::{
    BuildError, CONTENT_TYPE, ConsumerFigures, DurableFigures, EventPoolMetrics, EventPoolStats,
    HistogramFigures, Metrics, MetricsBuilder, NameError, NatsFigures, OTHER, OutboxFigures,
    OutboxState, RegisterError, RejectedFigures, UNNAMED,
};

use crate::handle::EventPool;

/// # Metrics
impl EventPool {
    /// Adds the emissions, listeners and pools of this `EventPool` to `metrics`, under this name.
    ///
    /// Emissions and listener calls count from now on, pools from when they were made. Drop the `EventPool` and the returned
    /// value to remove the metrics and to free the name.
    ///
    /// # Errors
    /// If the name is empty or taken.
    ///
    /// ```
    /// use soiree::EventPool;
    /// use soiree::metrics::Metrics;
    ///
    /// let metrics = Metrics::new();
    /// let soiree = EventPool::new();
    /// soiree.add_metrics(&metrics, "main")?;
    ///
    /// soiree.emit("user.created", "Matty Ice")?.wait();
    /// let text = metrics.encode(); // the answer to `GET /metrics`
    /// assert!(text.contains(r#"soiree_emissions_accepted_total{event_pool="main"} 1"#));
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("NewStatsCollector", "RegisterMetrics"))]
    pub fn add_metrics(
        &self,
        metrics: &Metrics,
        name: &str,
    ) -> Result<Arc<EventPoolMetrics>, NameError> {
        let own = metrics.event_pool(name)?;
        let soiree = self.downgrade();
        own.read_stats(move || {
            let soiree = soiree.upgrade()?;
            let stats = soiree.stats();
            let mut read = EventPoolStats::default();
            read.inboxes = soiree.inner.emitter.registry().inboxes();
            read.pools = stats.pools;
            read.in_flight = stats.in_flight;
            read.waiting = stats.waiting;
            Some(read)
        });
        self.add_observer(Arc::clone(&own));
        Ok(own)
    }
}

/// Adds an outbox and its durable listeners to `metrics`, under this name. They go when the outbox is dropped. Add its event pool too.
///
/// Each scrape reads the listeners and the size of the store, and blocks for that.
///
/// # Errors
/// If the name is empty or taken by another outbox.
#[cfg(feature = "outbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "outbox")))]
pub fn add_outbox(
    metrics: &Metrics,
    outbox: &soiree_outbox::Outbox,
    name: &str,
) -> Result<(), NameError> {
    let outbox = outbox.downgrade();
    metrics.add_outbox(name, move || {
        let outbox = outbox.upgrade()?;
        let stats = outbox.stats();
        let mut figures = OutboxFigures::default();
        figures.state = match stats.state {
            soiree_outbox::StoreState::Failing(_) => OutboxState::Failing,
            soiree_outbox::StoreState::Unreadable(_) => OutboxState::Unreadable,
            soiree_outbox::StoreState::Failed(_) => OutboxState::Failed,
            _ => OutboxState::Ok,
        };
        figures.events = stats.events;
        figures.queued = stats.queued as u64;
        figures.stored = stats.stored;
        figures.duplicates = stats.duplicates;
        figures.rejected = rejected(&stats.rejected);
        figures.commit_seconds = histogram(stats.commit_seconds);
        figures.commit_events = histogram(stats.commit_events);
        // What cannot be read shows in the state.
        let size = outbox.store().size().unwrap_or_default();
        figures.store_bytes = size.bytes;
        figures.wal_bytes = size.wal_bytes;
        figures.listeners = outbox.listeners().into_iter().map(durable).collect();
        Some(figures)
    })
}

#[cfg(feature = "outbox")]
fn rejected(events: &soiree_outbox::RejectedEvents) -> RejectedFigures {
    let mut figures = RejectedFigures::default();
    figures.closed = events.closed;
    figures.conflict = events.conflict;
    figures.encode = events.encode;
    figures.full = events.full;
    figures.no_codec = events.no_codec;
    figures.no_listener = events.no_listener;
    figures.queue_full = events.queue_full;
    figures.store = events.store;
    figures.too_large = events.too_large;
    figures
}

#[cfg(feature = "outbox")]
fn histogram(read: soiree_outbox::Histogram) -> HistogramFigures {
    let mut figures = HistogramFigures::default();
    figures.buckets = read.buckets;
    figures.sum = read.sum;
    figures
}

#[cfg(feature = "outbox")]
fn durable(info: soiree_outbox::DurableInfo) -> DurableFigures {
    let mut figures = DurableFigures::default();
    figures.name = info.name;
    figures.is_held = info.is_held;
    figures.is_orphan = info.is_orphan;
    figures.waiting = info.waiting;
    figures.oldest_waiting = info.oldest_waiting.unwrap_or_default();
    figures.in_flight = info.in_flight as u64;
    figures.retrying = info.retrying as u64;
    figures.behind = info.behind as u64;
    figures.suspects = info.suspects as u64;
    figures.dead_letters = info.dead_letters;
    figures.done = info.done;
    figures.failed = info.failed;
    figures.skipped = info.skipped;
    figures.given_up = info.given_up;
    figures.retried = info.retried;
    figures.redriven = info.redriven;
    figures.after_crashes = info.after_crashes;
    figures
}

/// Adds a bridge to NATS and its consumers to `metrics`, under this name. They go when the bridge is dropped.
///
/// # Errors
/// If the name is empty or taken by another bridge.
#[cfg(feature = "nats")]
#[cfg_attr(docsrs, doc(cfg(feature = "nats")))]
pub fn add_nats(metrics: &Metrics, nats: &soiree_nats::Nats, name: &str) -> Result<(), NameError> {
    let nats = nats.downgrade();
    metrics.add_nats(name, move || {
        let stats = nats.upgrade()?.stats();
        let mut figures = NatsFigures::default();
        figures.is_connected = stats.is_connected;
        figures.reconnects = stats.reconnects;
        figures.published = stats.published;
        figures.duplicates = stats.duplicates;
        figures.failed_publishes = stats.failed_publishes;
        figures.not_published = stats.not_published;
        figures.publishing = stats.publishing as u64;
        figures.consumers = stats.consumers.into_iter().map(consumer).collect();
        Some(figures)
    })
}

#[cfg(feature = "nats")]
fn consumer(stats: soiree_nats::ConsumerStats) -> ConsumerFigures {
    let mut figures = ConsumerFigures::default();
    figures.name = stats.name;
    figures.is_pulling = stats.is_pulling;
    figures.lag = stats.lag;
    figures.in_flight = stats.in_flight as u64;
    figures.received = stats.received;
    figures.redelivered = stats.redelivered;
    figures.acked = stats.acked;
    figures.naked = stats.naked;
    figures.dead = stats.dead;
    figures.skipped = stats.skipped;
    figures.ack_wait_extended = stats.ack_wait_extended;
    figures.unconfirmed = stats.unconfirmed;
    figures.restarts = stats.restarts;
    figures
}
