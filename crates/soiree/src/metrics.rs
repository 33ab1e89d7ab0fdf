//! Prometheus metrics of pools, emissions and listeners. Add them with [`EventPool::add_metrics`].
//!
//! The crate [`soiree_metrics`] documents each metric and its labels, and how many series there are at most.
//!
//! | for | names |
//! |---|---|
//! | a program without metrics of its own | [`Metrics`], [`MetricsBuilder`], [`BuildError`], [`CONTENT_TYPE`] |
//! | a program with a registry of its own | [`Metrics::register`], [`RegisterError`], [`prometheus_client`] |
//! | one `EventPool` | [`EventPoolMetrics`], [`EventPoolStats`], [`NameError`] |
//! | values of labels | [`UNNAMED`], [`OTHER`] |

use std::sync::Arc;

#[doc(no_inline)]
pub use soiree_metrics::prometheus_client;
#[doc(inline)]
pub use soiree_metrics::{
    BuildError, CONTENT_TYPE, EventPoolMetrics, EventPoolStats, Metrics, MetricsBuilder, NameError,
    OTHER, RegisterError, UNNAMED,
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
            let stats = soiree.upgrade()?.stats();
            let mut read = EventPoolStats::default();
            read.pools = stats.pools;
            read.in_flight = stats.in_flight;
            read.waiting = stats.waiting;
            Some(read)
        });
        self.add_observer(Arc::clone(&own));
        Ok(own)
    }
}
