//! The metrics of a process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;

use crate::event_pool::EventPoolMetrics;
use crate::exposition;
use crate::options::MetricsOptions;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The metrics of any number of `EventPool`s, told apart by the label `event_pool`. A cheap handle; clones share all.
///
/// One of these is enough for a process. Two of them would tell of their metrics under the same names, so they need a
/// registry each.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    options: MetricsOptions,
    event_pools: Mutex<BTreeMap<Box<str>, Weak<EventPoolMetrics>>>,
}

/// The name of an `EventPool` cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is empty, which to Prometheus is the same as no label.
    #[error("an event pool's name in metrics is empty")]
    Empty,
    /// There are metrics of this name, and something holds them still.
    #[error("there are metrics of an event pool {name:?} already")]
    Taken {
        /// The name.
        name: Box<str>,
    },
}

/// Metrics were not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The registry tells of soiree's metrics already, these or others: there would be two of each.
    #[error("the registry has metrics called {metric} already; register soiree's metrics once")]
    Taken {
        /// One that is there.
        metric: Box<str>,
    },
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// With fifteen buckets and room for 500 label sets.
    pub fn new() -> Self {
        Self::with(MetricsOptions::default())
    }

    pub(crate) fn with(options: MetricsOptions) -> Self {
        let event_pools = Mutex::default();
        Self {
            shared: Arc::new(Shared {
                options,
                event_pools,
            }),
        }
    }

    /// The metrics of one `EventPool`, under a name of its own.
    ///
    /// # Errors
    /// If the name is empty or taken. A name is free again when nothing holds its metrics any more.
    pub fn event_pool(&self, name: &str) -> Result<Arc<EventPoolMetrics>, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        let made = Arc::new(EventPoolMetrics::new(name, &self.shared.options));
        let mut event_pools = self.lock();
        event_pools.retain(|_, known| known.strong_count() > 0);
        if event_pools.contains_key(name) {
            return Err(NameError::Taken { name: name.into() });
        }
        event_pools.insert(name.into(), Arc::downgrade(&made));
        Ok(made)
    }

    /// All metrics in Prometheus's text format, to be served as [`CONTENT_TYPE`]. Gauges and the figures of pools are read now.
    pub fn encode(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition(self.clone())));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)
            .expect("a string takes all that is written to it");
        text
    }

    /// Adds all metrics to a registry of the program's own, so that they are served with its other metrics.
    ///
    /// # Errors
    /// If there are metrics of these names in the registry, or in one within it. That is looked up by reading it once.
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
        // Fails for what text cannot tell, such as native histograms. Such a registry is taken to be without ours.
        let _ = prometheus_text::encode(&mut text, registry);
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut names = types.filter_map(|line| line.split(' ').next());
        if let Some(metric) = names.find(|name| name.ends_with(exposition::FIRST)) {
            let metric = metric.into();
            return Err(RegisterError::Taken { metric });
        }
        registry.register_collector(Box::new(Exposition(self.clone())));
        Ok(())
    }

    /// Those of the `EventPool`s that are still there, by name.
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

/// Not [`Metrics`] itself, so that a registry gets it only by [`Metrics::register`].
#[derive(Debug)]
struct Exposition(Metrics);

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        exposition::encode(&self.0.event_pools(), encoder)
    }
}
