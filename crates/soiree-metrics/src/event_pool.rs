//! The metrics of one `EventPool`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use soiree_core::PoolStats;

use crate::family::BoundedFamily;
use crate::options::MetricsOptions;
use crate::series::{EmissionSeries, ListenerSeries, PoolSeries};

/// Reads the name and the statistics of every pool; `None` once the `EventPool` is gone.
type PoolSource = Arc<dyn Fn() -> Option<Vec<(Arc<str>, PoolStats)>> + Send + Sync>;

/// The metrics of one `EventPool`: an observer that counts, and a closure that reads the statistics of its pools.
///
/// `EventPool::add_metrics` of the facade makes one and connects it. Without the facade, make one with
/// [`Metrics::event_pool`](crate::Metrics::event_pool), add it as an [`Observer`](soiree_core::Observer), and call
/// [`read_pools`](EventPoolMetrics::read_pools).
///
/// Its series are exposed as long as a handle to it exists; the observed `EventPool` holds one. When the last handle is dropped,
/// the series are lost and the name is free again. Keep a handle if they must still be scraped after the `EventPool` is gone.
///
/// ```
/// use std::sync::Arc;
/// use soiree_core::PoolStats;
/// use soiree_metrics::Metrics;
///
/// let metrics = Metrics::new();
/// let own = metrics.event_pool("main")?;
/// own.read_pools(|| {
///     let mut stats = PoolStats::default();
///     stats.active = 3;
///     Some(vec![(Arc::from("default"), stats)])
/// });
/// let active = r#"soiree_pool_jobs_active{event_pool="main",pool="default"} 3"#;
/// assert!(metrics.encode().contains(active));
///
/// drop(own);
/// assert!(!metrics.encode().contains(active));
/// # Ok::<(), soiree_metrics::NameError>(())
/// ```
pub struct EventPoolMetrics {
    pub(crate) name: Box<str>,
    pub(crate) emissions: EmissionSeries,
    pub(crate) listeners: BoundedFamily<ListenerSeries, 2>,
    pub(crate) pools: BoundedFamily<PoolSeries, 1>,
    source: Mutex<Option<PoolSource>>,
}

impl EventPoolMetrics {
    pub(crate) fn new(name: &str, options: &MetricsOptions) -> Self {
        let (max, buckets) = (options.max_label_sets, &options.buckets);
        let (listener_buckets, pool_buckets) = (buckets.clone(), buckets.clone());
        Self {
            name: name.into(),
            emissions: EmissionSeries::default(),
            listeners: BoundedFamily::new(max, move || ListenerSeries::new(&listener_buckets)),
            pools: BoundedFamily::new(max, move || PoolSeries::new(&pool_buckets)),
            source: Mutex::default(),
        }
    }

    /// The value of the label `event_pool`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the closure that reads the pools at each scrape: the name and the statistics of each pool, or `None` once the
    /// `EventPool` is gone. Replaces the closure set before.
    ///
    /// The closure must hold the `EventPool` weakly, because the `EventPool` holds these metrics as its observer: otherwise
    /// neither is ever dropped. It runs on the thread that scrapes, with no lock held. The scrape waits for it, and panics if it
    /// panics.
    pub fn read_pools(
        &self,
        source: impl Fn() -> Option<Vec<(Arc<str>, PoolStats)>> + Send + Sync + 'static,
    ) {
        let source: PoolSource = Arc::new(source);
        let replaced = self.with_source(|current| current.replace(source));
        // Not under the lock: its `Drop` is user code.
        drop(replaced);
    }

    pub(crate) fn pool_stats(&self) -> Vec<(Arc<str>, PoolStats)> {
        let source = self.with_source(|current| current.clone());
        source.and_then(|source| source()).unwrap_or_default()
    }

    fn with_source<R>(&self, act: impl FnOnce(&mut Option<PoolSource>) -> R) -> R {
        act(&mut self.source.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for EventPoolMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPoolMetrics")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
