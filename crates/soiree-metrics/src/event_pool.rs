//! The metrics of one `EventPool`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use soiree_core::PoolStats;

use crate::bounded::Bounded;
use crate::figures::{EmissionFigures, ListenerFigures, PoolFigures};
use crate::options::MetricsOptions;

/// What tells the figures of every pool: name and figures of each, or `None` when there are none any more.
type PoolSource = Arc<dyn Fn() -> Option<Vec<(Arc<str>, PoolStats)>> + Send + Sync>;

/// The metrics of one `EventPool`: give it to the `EventPool` as its observer, and say where the figures of its pools are read.
///
/// Its series are there for as long as it is: when the last handle is dropped, the observed `EventPool`'s included, they are
/// gone and its name is free again. Keep a handle to have them scraped after that.
pub struct EventPoolMetrics {
    pub(crate) name: Box<str>,
    pub(crate) emissions: EmissionFigures,
    pub(crate) listeners: Bounded<ListenerFigures, 2>,
    pub(crate) pools: Bounded<PoolFigures, 1>,
    source: Mutex<Option<PoolSource>>,
}

impl EventPoolMetrics {
    pub(crate) fn new(name: &str, options: &MetricsOptions) -> Self {
        let (most, buckets) = (options.max_label_sets, &options.buckets);
        let (of_listeners, of_pools) = (buckets.clone(), buckets.clone());
        Self {
            name: name.into(),
            emissions: EmissionFigures::default(),
            listeners: Bounded::new(most, move || ListenerFigures::new(&of_listeners)),
            pools: Bounded::new(most, move || PoolFigures::new(&of_pools)),
            source: Mutex::default(),
        }
    }

    /// The value of the label `event_pool`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the figures of the pools are read, at each scrape: the name and the figures of each pool, or `None` when the
    /// `EventPool` is gone. Replaces what was set before.
    ///
    /// It should hold the `EventPool` weakly: the `EventPool` holds this as its observer. It is called on the thread that
    /// scrapes, with no lock held, and what it takes the scrape takes longer; if it panics, so does the scrape.
    pub fn read_pools(
        &self,
        source: impl Fn() -> Option<Vec<(Arc<str>, PoolStats)>> + Send + Sync + 'static,
    ) {
        let source: PoolSource = Arc::new(source);
        let before = self.with_source(|current| current.replace(source));
        // Not under the lock: its `Drop` is user code.
        drop(before);
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
