//! The names of all metrics, and encoding them at a scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use soiree_core::PoolStats;

use crate::event_pool::EventPoolMetrics;
use crate::family::LabelValues;
use crate::series::{ListenerSeries, PoolSeries, REJECTION_REASONS};

/// A metric that is always exposed: a registry has the metrics of soiree if and only if it has this one.
pub(crate) const SENTINEL: &str = POOL_GAUGES[0].0;

const EVENT_POOL: &str = "event_pool";
const POOL: &str = "pool";

/// Name, help text, and where the value is.
type Value<T> = (&'static str, &'static str, fn(&T) -> u64);
type CounterOf<T> = (&'static str, &'static str, fn(&T) -> &Counter);
type HistogramOf<T> = (&'static str, &'static str, fn(&T) -> &Histogram);

const POOL_GAUGES: [Value<PoolStats>; 7] = [
    (
        "soiree_pool_workers_running",
        "Workers that are alive, with or without a job",
        |stats| stats.running as u64,
    ),
    (
        "soiree_pool_workers_idle",
        "Workers without a job",
        |stats| stats.idle as u64,
    ),
    (
        "soiree_pool_workers_max",
        "Workers that may live at once",
        |stats| stats.max_workers as u64,
    ),
    (
        "soiree_pool_workers_min",
        "Workers that stay when idle",
        |stats| stats.min_workers as u64,
    ),
    (
        "soiree_pool_jobs_active",
        "Jobs that have started and not ended",
        |stats| stats.active as u64,
    ),
    (
        "soiree_pool_jobs_waiting",
        "Jobs that are accepted and have not started",
        |stats| stats.waiting as u64,
    ),
    (
        "soiree_pool_capacity",
        "Jobs that may wait at once",
        |stats| stats.capacity as u64,
    ),
];

const POOL_COUNTERS: [Value<PoolStats>; 7] = [
    (
        "soiree_pool_jobs_submitted",
        "Jobs accepted, without rejected ones",
        |stats| stats.submitted,
    ),
    ("soiree_pool_jobs_rejected", "Jobs rejected", |stats| {
        stats.rejected
    }),
    (
        "soiree_pool_jobs_successful",
        "Jobs that ran to their end",
        |stats| stats.successful,
    ),
    ("soiree_pool_jobs_failed", "Jobs that panicked", |stats| {
        stats.failed
    }),
    (
        "soiree_pool_jobs_completed",
        "Jobs that ran, whether they panicked or not",
        PoolStats::completed,
    ),
    (
        "soiree_pool_jobs_expired",
        "Jobs whose deadline passed before they could start",
        |stats| stats.expired,
    ),
    (
        "soiree_pool_jobs_discarded",
        "Accepted jobs that were dropped before they ran",
        |stats| stats.discarded,
    ),
];

const POOL_HISTOGRAMS: [HistogramOf<PoolSeries>; 2] = [
    (
        "soiree_pool_job_wait",
        "From the submission of a job to its start",
        |series| &series.wait,
    ),
    (
        "soiree_pool_job_run",
        "From the start of a job to its end",
        |series| &series.run,
    ),
];

const EMISSION_COUNTERS: [CounterOf<EventPoolMetrics>; 5] = [
    (
        "soiree_emissions_accepted",
        "Emissions accepted",
        |metrics| &metrics.emissions.accepted,
    ),
    (
        "soiree_emissions_aborted",
        "Emissions that a listener aborted",
        |metrics| &metrics.emissions.aborted,
    ),
    (
        "soiree_emissions_discarded",
        "Accepted emissions that were dropped before they ran",
        |metrics| &metrics.emissions.discarded,
    ),
    (
        "soiree_dead_events",
        "Emissions that called no listener and were not aborted",
        |metrics| &metrics.emissions.dead_events,
    ),
    (
        "soiree_dead_letters",
        "Events that a listener with retries gave up on",
        |metrics| &metrics.emissions.dead_letters,
    ),
];

const LISTENER_COUNTERS: [CounterOf<ListenerSeries>; 8] = [
    (
        "soiree_listener_delivered",
        "Events that the listener was called for, without retries",
        |series| &series.delivered,
    ),
    (
        "soiree_listener_failed",
        "Runs that returned an error; each attempt is a run",
        |series| &series.failed,
    ),
    (
        "soiree_listener_panicked",
        "Runs that panicked; each attempt is a run",
        |series| &series.panicked,
    ),
    (
        "soiree_listener_timed_out",
        "Runs that took longer than the listener's timeout",
        |series| &series.timed_out,
    ),
    (
        "soiree_listener_cancelled",
        "Runs of an async listener that were dropped before their end",
        |series| &series.cancelled,
    ),
    (
        "soiree_listener_retried",
        "Further attempts after a failure",
        |series| &series.retried,
    ),
    (
        "soiree_listener_not_called",
        "Events that the pool of the listener rejected or discarded",
        |series| &series.not_called,
    ),
    (
        "soiree_listener_slow",
        "Runs that crossed the threshold for slow listeners",
        |series| &series.slow,
    ),
];

const LISTENER_HISTOGRAMS: [HistogramOf<ListenerSeries>; 1] = [(
    "soiree_listener_run",
    "How long the listener ran; each attempt is a run",
    |series| &series.run,
)];

/// The series of one `EventPool` at the moment of a scrape.
struct Scrape<'a> {
    metrics: &'a EventPoolMetrics,
    stats: Vec<(Arc<str>, PoolStats)>,
    pools: Vec<(LabelValues<1>, Arc<PoolSeries>)>,
    listeners: Vec<(LabelValues<2>, Arc<ListenerSeries>)>,
}

pub(crate) fn encode(
    event_pools: &[Arc<EventPoolMetrics>],
    mut encoder: DescriptorEncoder<'_>,
) -> fmt::Result {
    // Read once, so that all metrics of a pool are of one moment.
    let scrapes: Vec<Scrape<'_>> = event_pools
        .iter()
        .map(|metrics| Scrape {
            metrics,
            stats: metrics.pool_stats(),
            pools: metrics.pools.all(),
            listeners: metrics.listeners.all(),
        })
        .collect();
    let mut encoder = FamilyEncoder(&mut encoder);
    encoder.encode_pools(&scrapes)?;
    encoder.encode_emissions(&scrapes)?;
    encoder.encode_listeners(&scrapes)
}

struct FamilyEncoder<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl FamilyEncoder<'_, '_> {
    fn encode_pools(&mut self, scrapes: &[Scrape<'_>]) -> fmt::Result {
        let stats = || {
            scrapes.iter().flat_map(|scrape| {
                let labels = |pool| [(EVENT_POOL, &*scrape.metrics.name), (POOL, pool)];
                scrape
                    .stats
                    .iter()
                    .map(move |(name, stats)| (labels(name), stats))
            })
        };
        for (name, help, read) in POOL_GAUGES {
            let rows = stats().map(|(labels, stats)| (labels, ConstGauge::new(read(stats))));
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        for (name, help, read) in POOL_COUNTERS {
            let rows = stats().map(|(labels, stats)| (labels, ConstCounter::new(read(stats))));
            self.encode_family(name, help, None, MetricType::Counter, rows)?;
        }
        for (name, help, read) in POOL_HISTOGRAMS {
            let rows = scrapes.iter().flat_map(|scrape| {
                scrape.pools.iter().map(move |(values, series)| {
                    let [pool] = values.as_strs();
                    let labels = [(EVENT_POOL, &*scrape.metrics.name), (POOL, pool)];
                    (labels, read(series).clone())
                })
            });
            self.encode_family(
                name,
                help,
                Some(&Unit::Seconds),
                MetricType::Histogram,
                rows,
            )?;
        }
        Ok(())
    }

    fn encode_emissions(&mut self, scrapes: &[Scrape<'_>]) -> fmt::Result {
        for (name, help, read) in EMISSION_COUNTERS {
            let rows = scrapes.iter();
            let rows = rows.map(|scrape| {
                let labels = [(EVENT_POOL, &*scrape.metrics.name)];
                (labels, read(scrape.metrics).clone())
            });
            self.encode_family(name, help, None, MetricType::Counter, rows)?;
        }
        let rows = scrapes.iter().flat_map(|scrape| {
            let rejected = &scrape.metrics.emissions.rejected;
            let rejected = REJECTION_REASONS.iter().zip(rejected);
            rejected.map(move |(reason, count)| {
                let labels = [(EVENT_POOL, &*scrape.metrics.name), ("reason", *reason)];
                (labels, count.clone())
            })
        });
        self.encode_family(
            "soiree_emissions_rejected",
            "Emissions rejected",
            None,
            MetricType::Counter,
            rows,
        )?;
        let rows = scrapes.iter().flat_map(|scrape| {
            let metrics = scrape.metrics;
            let overflowed = [
                ("listener", metrics.listeners.overflowed()),
                (POOL, metrics.pools.overflowed()),
            ];
            overflowed.map(|(label, count)| {
                let labels = [(EVENT_POOL, &*metrics.name), ("of", label)];
                (labels, ConstCounter::new(count))
            })
        });
        self.encode_family(
            "soiree_metrics_overflowed",
            "Observations counted under _other because the limit of label sets was reached",
            None,
            MetricType::Counter,
            rows,
        )
    }

    fn encode_listeners(&mut self, scrapes: &[Scrape<'_>]) -> fmt::Result {
        let listeners = || {
            scrapes.iter().flat_map(|scrape| {
                scrape.listeners.iter().map(move |(values, series)| {
                    let [listener, pattern] = values.as_strs();
                    let event_pool = (EVENT_POOL, &*scrape.metrics.name);
                    let labels = [event_pool, ("listener", listener), ("pattern", pattern)];
                    (labels, series)
                })
            })
        };
        for (name, help, read) in LISTENER_COUNTERS {
            let rows = listeners().map(|(labels, series)| (labels, read(series).clone()));
            self.encode_family(name, help, None, MetricType::Counter, rows)?;
        }
        for (name, help, read) in LISTENER_HISTOGRAMS {
            let rows = listeners().map(|(labels, series)| (labels, read(series).clone()));
            self.encode_family(
                name,
                help,
                Some(&Unit::Seconds),
                MetricType::Histogram,
                rows,
            )?;
        }
        Ok(())
    }

    fn encode_family<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        kind: MetricType,
        rows: impl Iterator<Item = ([(&'l str, &'l str); N], impl EncodeMetric)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, metric) in rows {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
