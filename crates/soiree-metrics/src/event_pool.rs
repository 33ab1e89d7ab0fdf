//! The metrics of one `EventPool`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use soiree_core::{ListenerInfo, PoolStats, WaitingStats};

use crate::family::BoundedFamily;
use crate::options::MetricsOptions;
use crate::series::{EmissionSeries, ListenerSeries, PoolSeries};

/// The figures of an `EventPool` at the moment of a scrape.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EventPoolStats {
    /// The name and the statistics of each pool.
    pub pools: Vec<(Arc<str>, PoolStats)>,
    /// Emissions that have started and not ended.
    pub in_flight: u64,
    /// What waits, by cause.
    pub waiting: WaitingStats,
    /// The listeners that fill inboxes. Others are passed over.
    pub inboxes: Vec<ListenerInfo>,
}

/// Reads the figures; `None` once the `EventPool` is gone.
type StatsSource = Arc<dyn Fn() -> Option<EventPoolStats> + Send + Sync>;

/// The metrics of one `EventPool`: an observer that counts, and a closure that reads its statistics.
///
/// `EventPool::add_metrics` of the facade makes one and connects it. Without the facade, make one with
/// [`Metrics::event_pool`](crate::Metrics::event_pool), add it as an [`Observer`](soiree_core::Observer), and call
/// [`read_stats`](EventPoolMetrics::read_stats).
///
/// Its series are exposed as long as a handle to it exists; the observed `EventPool` holds one. When the last handle is dropped,
/// the series are lost and the name is free again. Keep a handle if they must still be scraped after the `EventPool` is gone.
///
/// ```
/// use std::sync::Arc;
/// use soiree_core::PoolStats;
/// use soiree_metrics::{EventPoolStats, Metrics};
///
/// let metrics = Metrics::new();
/// let own = metrics.event_pool("main")?;
/// own.read_stats(|| {
///     let mut pool = PoolStats::default();
///     pool.active = 3;
///     let mut stats = EventPoolStats::default();
///     stats.pools.push((Arc::from("default"), pool));
///     Some(stats)
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
    pub(crate) max_label_sets: usize,
    pub(crate) emissions: EmissionSeries,
    pub(crate) listeners: BoundedFamily<ListenerSeries, 2>,
    pub(crate) pools: BoundedFamily<PoolSeries, 1>,
    source: Mutex<Option<StatsSource>>,
}

impl EventPoolMetrics {
    pub(crate) fn new(name: &str, options: &MetricsOptions) -> Self {
        let (max, buckets) = (options.max_label_sets, &options.buckets);
        let (listener_buckets, pool_buckets) = (buckets.clone(), buckets.clone());
        Self {
            name: name.into(),
            max_label_sets: max,
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

    /// Sets the closure that reads the figures at each scrape. It returns `None` once the `EventPool` is gone. Replaces the
    /// closure set before.
    ///
    /// The closure must hold the `EventPool` weakly, because the `EventPool` holds these metrics as its observer: otherwise
    /// neither is ever dropped. It runs on the thread that scrapes, with no lock held. The scrape waits for it, and panics if it
    /// panics.
    pub fn read_stats(&self, source: impl Fn() -> Option<EventPoolStats> + Send + Sync + 'static) {
        let source: StatsSource = Arc::new(source);
        let replaced = self.with_source(|current| current.replace(source));
        // Not under the lock: its `Drop` is user code.
        drop(replaced);
    }

    /// `None` if there is no source, or the `EventPool` is gone.
    pub(crate) fn stats(&self) -> Option<EventPoolStats> {
        let source = self.with_source(|current| current.clone());
        source.and_then(|source| source())
    }

    fn with_source<R>(&self, act: impl FnOnce(&mut Option<StatsSource>) -> R) -> R {
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
