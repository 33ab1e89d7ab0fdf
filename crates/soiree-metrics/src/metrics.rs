//! The metrics of a process, and their names in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;
use soiree_core::PoolStats;

use crate::event_pool::EventPoolMetrics;
use crate::exposition;
use crate::names::SENTINEL;
use crate::nats::NatsFigures;
use crate::options::MetricsOptions;
use crate::outbox::OutboxFigures;
use crate::sources::Sources;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The metrics of any number of `EventPool`s, which the label `event_pool` tells apart.
///
/// A cheap handle: clones share everything. One is enough for a process. Two expose metrics of the same names, so each needs a
/// registry of its own.
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
/// let accepted = r#"soiree_emissions_accepted_total{event_pool="main"} 1"#;
/// assert!(metrics.encode().contains(accepted));
/// # soiree.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    options: MetricsOptions,
    event_pools: Mutex<BTreeMap<Box<str>, Weak<EventPoolMetrics>>>,
    outboxes: Sources<OutboxFigures>,
    bridges: Sources<NatsFigures>,
    pools: Sources<PoolStats>,
}

/// A name in metrics was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is empty. To Prometheus an empty label is no label.
    #[error("the name in metrics is empty")]
    Empty,
    /// What has this name in the metrics still exists.
    #[error("there are metrics of the name {name:?} already")]
    Taken {
        /// The name.
        name: Box<str>,
    },
}

/// The metrics were not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The registry has metrics of soiree already, from this [`Metrics`] or another: each would appear twice.
    #[error("the registry has metrics called {metric} already; register soiree's metrics once")]
    Taken {
        /// The name of one that it has.
        metric: Box<str>,
    },
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// With the default options: fifteen buckets, and at most 500 label sets. For others use [`builder`](Metrics::builder).
    pub fn new() -> Self {
        Self::with_options(MetricsOptions::default())
    }

    pub(crate) fn with_options(options: MetricsOptions) -> Self {
        let event_pools = Mutex::default();
        Self {
            shared: Arc::new(Shared {
                options,
                event_pools,
                outboxes: Sources::default(),
                bridges: Sources::default(),
                pools: Sources::default(),
            }),
        }
    }

    /// Makes the metrics of one `EventPool`. `name` becomes the value of their label `event_pool`.
    ///
    /// # Errors
    /// If the name is empty, or a handle to metrics of this name still exists.
    pub fn event_pool(&self, name: &str) -> Result<Arc<EventPoolMetrics>, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        let own = Arc::new(EventPoolMetrics::new(name, &self.shared.options));
        let mut event_pools = self.lock();
        event_pools.retain(|_, metrics| metrics.strong_count() > 0);
        if event_pools.contains_key(name) {
            return Err(NameError::Taken { name: name.into() });
        }
        event_pools.insert(name.into(), Arc::downgrade(&own));
        Ok(own)
    }

    /// Adds the metrics of an outbox, which this closure reads at each scrape. `name` becomes the value of their label `outbox`. They go once
    /// the closure returns `None`: it must hold the outbox weakly. With the facade, use `soiree::metrics::add_outbox`.
    ///
    /// The closure runs on the thread that scrapes, with no lock held. The scrape waits for it, and panics if it panics.
    ///
    /// # Errors
    /// If the name is empty, or the outbox of this name still exists: its closure is asked.
    ///
    /// ```
    /// use soiree_metrics::{Metrics, OutboxFigures};
    ///
    /// let metrics = Metrics::new();
    /// metrics.add_outbox("main", || {
    ///     let mut figures = OutboxFigures::default();
    ///     figures.events = 3;
    ///     Some(figures)
    /// })?;
    /// assert!(metrics.encode().contains(r#"soiree_outbox_events{outbox="main"} 3"#));
    /// # Ok::<(), soiree_metrics::NameError>(())
    /// ```
    pub fn add_outbox(
        &self,
        name: &str,
        source: impl Fn() -> Option<OutboxFigures> + Send + Sync + 'static,
    ) -> Result<(), NameError> {
        add(&self.shared.outboxes, name, source)
    }

    /// Adds the metrics of a bridge to NATS, which this closure reads at each scrape, as [`add_outbox`](Metrics::add_outbox) does. `name`
    /// becomes the value of their label `bridge`. With the facade, use `soiree::metrics::add_nats`.
    ///
    /// # Errors
    /// If the name is empty, or the bridge of this name still exists: its closure is asked.
    pub fn add_nats(
        &self,
        name: &str,
        source: impl Fn() -> Option<NatsFigures> + Send + Sync + 'static,
    ) -> Result<(), NameError> {
        add(&self.shared.bridges, name, source)
    }

    /// Adds the metrics of a pool that belongs to no `EventPool`, which this closure reads at each scrape, as
    /// [`add_outbox`](Metrics::add_outbox) does. `name` becomes the value of their label `pool`; their label `event_pool` is empty, which to
    /// Prometheus is none. There are no histograms, as nobody observes the jobs.
    ///
    /// # Errors
    /// If the name is empty, or the pool of this name still exists: its closure is asked.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use soiree::metrics::Metrics;
    /// use soiree::WorkerPool;
    /// use soiree::pool::Pool;
    ///
    /// let metrics = Metrics::new();
    /// let pool = Arc::new(WorkerPool::new(4, 100)?);
    /// let weak = Arc::downgrade(&pool);
    /// metrics.add_pool("thumbnails", move || Some(weak.upgrade()?.stats()))?;
    /// let limit = r#"soiree_pool_workers_max{event_pool="",pool="thumbnails"} 4"#;
    /// assert!(metrics.encode().contains(limit));
    ///
    /// drop(pool);
    /// assert!(!metrics.encode().contains(limit));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_pool(
        &self,
        name: &str,
        source: impl Fn() -> Option<PoolStats> + Send + Sync + 'static,
    ) -> Result<(), NameError> {
        add(&self.shared.pools, name, source)
    }

    /// Returns all metrics in Prometheus's text format. Serve it with [`CONTENT_TYPE`].
    ///
    /// Reads the statistics on this thread, as set with [`EventPoolMetrics::read_stats`], and panics if that panics.
    pub fn encode(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition(self.clone())));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).expect("writing to a string does not fail");
        text
    }

    /// Adds all metrics to a registry of the program, which then exposes them with its other metrics.
    ///
    /// Encodes the whole registry once, to check whether it has metrics of soiree already.
    ///
    /// # Errors
    /// If the registry, or a sub-registry of it, has metrics of soiree already.
    ///
    /// ```
    /// use soiree_metrics::Metrics;
    /// use soiree_metrics::prometheus_client::registry::Registry;
    ///
    /// let (metrics, mut registry) = (Metrics::new(), Registry::default());
    /// metrics.register(&mut registry)?;
    /// let twice = metrics.register(&mut registry).unwrap_err();
    /// assert!(twice.to_string().contains("soiree_pool_workers_running already"));
    /// # Ok::<(), soiree_metrics::RegisterError>(())
    /// ```
    pub fn register(&self, registry: &mut Registry) -> Result<(), RegisterError> {
        let mut text = String::new();
        // Fails for what text cannot express, such as native histograms. Then the check covers only the text before that.
        let _ = prometheus_text::encode(&mut text, registry);
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut names = types.filter_map(|line| line.split(' ').next());
        if let Some(metric) = names.find(|name| name.ends_with(SENTINEL)) {
            let metric = metric.into();
            return Err(RegisterError::Taken { metric });
        }
        registry.register_collector(Box::new(Exposition(self.clone())));
        Ok(())
    }

    /// The metrics that still exist, in the order of their names.
    fn event_pools(&self) -> Vec<Arc<EventPoolMetrics>> {
        let event_pools = self.lock();
        event_pools.values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Weak<EventPoolMetrics>>> {
        let event_pools = self.shared.event_pools.lock();
        event_pools.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

/// A type of its own, so that [`Metrics::register`] is the only way to put metrics into a registry.
#[derive(Debug)]
struct Exposition(Metrics);

/// Adds a source under a name that must be free.
fn add<F>(
    sources: &Sources<F>,
    name: &str,
    source: impl Fn() -> Option<F> + Send + Sync + 'static,
) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    match sources.add(name, source) {
        true => Ok(()),
        false => Err(NameError::Taken { name: name.into() }),
    }
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let shared = &self.0.shared;
        let (outboxes, bridges) = (shared.outboxes.read(), shared.bridges.read());
        let pools = shared.pools.read();
        exposition::encode(&self.0.event_pools(), &outboxes, &bridges, &pools, encoder)
    }
}
