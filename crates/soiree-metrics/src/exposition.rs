//! The metrics' names, and telling them.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use soiree_core::PoolStats;

use crate::bounded::Key;
use crate::event_pool::EventPoolMetrics;
use crate::figures::{ListenerFigures, PoolFigures, REFUSALS};

/// A metric that is always there, by which a registry is known to have ours already.
pub(crate) const FIRST: &str = POOL_GAUGES[0].0;

const EVENT_POOL: &str = "event_pool";
const POOL: &str = "pool";

type Of<T> = (&'static str, &'static str, fn(&T) -> u64);
type CounterOf<T> = (&'static str, &'static str, fn(&T) -> &Counter);
type HistogramOf<T> = (&'static str, &'static str, fn(&T) -> &Histogram);

const POOL_GAUGES: [Of<PoolStats>; 7] = [
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

const POOL_COUNTERS: [Of<PoolStats>; 7] = [
    (
        "soiree_pool_jobs_submitted",
        "Jobs accepted; refused ones are not among them",
        |stats| stats.submitted,
    ),
    ("soiree_pool_jobs_rejected", "Jobs refused", |stats| {
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
        "Accepted jobs that were dropped unrun",
        |stats| stats.discarded,
    ),
];

const POOL_HISTOGRAMS: [HistogramOf<PoolFigures>; 2] = [
    (
        "soiree_pool_job_wait",
        "From handing a job to the pool until it starts",
        |figures| &figures.wait,
    ),
    (
        "soiree_pool_job_run",
        "From a job's start to its end",
        |figures| &figures.run,
    ),
];

const EMISSION_COUNTERS: [CounterOf<EventPoolMetrics>; 5] = [
    ("soiree_emissions_accepted", "Emissions accepted", |of| {
        &of.emissions.accepted
    }),
    (
        "soiree_emissions_aborted",
        "Emissions that a listener aborted",
        |of| &of.emissions.aborted,
    ),
    (
        "soiree_emissions_discarded",
        "Accepted emissions that were dropped before they ran",
        |of| &of.emissions.discarded,
    ),
    (
        "soiree_dead_events",
        "Emissions for which no listener was called, and which were not aborted",
        |of| &of.emissions.dead_events,
    ),
    (
        "soiree_dead_letters",
        "Events that a listener with retries gave up",
        |of| &of.emissions.dead_letters,
    ),
];

const LISTENER_COUNTERS: [CounterOf<ListenerFigures>; 8] = [
    (
        "soiree_listener_delivered",
        "Events that the listener was called for; retries are not among them",
        |figures| &figures.delivered,
    ),
    (
        "soiree_listener_failed",
        "Runs that returned an error, each attempt of its own",
        |figures| &figures.failed,
    ),
    (
        "soiree_listener_panicked",
        "Runs that panicked, each attempt of its own",
        |figures| &figures.panicked,
    ),
    (
        "soiree_listener_timed_out",
        "Runs that took longer than the listener's timeout",
        |figures| &figures.timed_out,
    ),
    (
        "soiree_listener_cancelled",
        "Runs of an async listener that were dropped before their end",
        |figures| &figures.cancelled,
    ),
    (
        "soiree_listener_retried",
        "Further attempts after a failure",
        |figures| &figures.retried,
    ),
    (
        "soiree_listener_not_called",
        "Events that the listener's own pool refused or dropped",
        |figures| &figures.not_called,
    ),
    (
        "soiree_listener_slow",
        "Runs that crossed the threshold for slow listeners",
        |figures| &figures.slow,
    ),
];

const LISTENER_HISTOGRAMS: [HistogramOf<ListenerFigures>; 1] = [(
    "soiree_listener_run",
    "How long the listener ran, each attempt of its own",
    |figures| &figures.run,
)];

/// What one `EventPool` has to tell at the moment of a scrape.
struct Scraped<'a> {
    of: &'a EventPoolMetrics,
    stats: Vec<(Arc<str>, PoolStats)>,
    pools: Vec<(Key<1>, Arc<PoolFigures>)>,
    listeners: Vec<(Key<2>, Arc<ListenerFigures>)>,
}

pub(crate) fn encode(
    event_pools: &[Arc<EventPoolMetrics>],
    mut encoder: DescriptorEncoder<'_>,
) -> fmt::Result {
    // Read once, so that all metrics of a pool are of one moment.
    let scraped: Vec<Scraped<'_>> = event_pools
        .iter()
        .map(|of| Scraped {
            of,
            stats: of.pool_stats(),
            pools: of.pools.all(),
            listeners: of.listeners.all(),
        })
        .collect();
    let mut tell = Teller(&mut encoder);
    tell.pools(&scraped)?;
    tell.emissions(&scraped)?;
    tell.listeners(&scraped)
}

struct Teller<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl Teller<'_, '_> {
    fn pools(&mut self, scraped: &[Scraped<'_>]) -> fmt::Result {
        let stats = || {
            scraped.iter().flat_map(|one| {
                let labels = |pool| [(EVENT_POOL, &*one.of.name), (POOL, pool)];
                one.stats
                    .iter()
                    .map(move |(name, stats)| (labels(name), stats))
            })
        };
        for (name, help, read) in POOL_GAUGES {
            let rows = stats().map(|(labels, stats)| (labels, ConstGauge::new(read(stats))));
            self.family(name, help, None, MetricType::Gauge, rows)?;
        }
        for (name, help, read) in POOL_COUNTERS {
            let rows = stats().map(|(labels, stats)| (labels, ConstCounter::new(read(stats))));
            self.family(name, help, None, MetricType::Counter, rows)?;
        }
        for (name, help, read) in POOL_HISTOGRAMS {
            let rows = scraped.iter().flat_map(|one| {
                one.pools.iter().map(move |(key, figures)| {
                    let [pool] = key.values();
                    let labels = [(EVENT_POOL, &*one.of.name), (POOL, pool)];
                    (labels, read(figures).clone())
                })
            });
            self.family(
                name,
                help,
                Some(&Unit::Seconds),
                MetricType::Histogram,
                rows,
            )?;
        }
        Ok(())
    }

    fn emissions(&mut self, scraped: &[Scraped<'_>]) -> fmt::Result {
        for (name, help, read) in EMISSION_COUNTERS {
            let rows = scraped.iter();
            let rows = rows.map(|one| ([(EVENT_POOL, &*one.of.name)], read(one.of).clone()));
            self.family(name, help, None, MetricType::Counter, rows)?;
        }
        let rows = scraped.iter().flat_map(|one| {
            let refused = REFUSALS.iter().zip(&one.of.emissions.refused);
            refused.map(move |(reason, count)| {
                let labels = [(EVENT_POOL, &*one.of.name), ("reason", *reason)];
                (labels, count.clone())
            })
        });
        self.family(
            "soiree_emissions_refused",
            "Emissions not accepted",
            None,
            MetricType::Counter,
            rows,
        )?;
        let rows = scraped.iter().flat_map(|one| {
            let of = one.of;
            let of = [
                ("listener", of.listeners.overflowed()),
                (POOL, of.pools.overflowed()),
            ];
            of.map(|(label, count)| {
                let labels = [(EVENT_POOL, &*one.of.name), ("of", label)];
                (labels, ConstCounter::new(count))
            })
        });
        self.family(
            "soiree_metrics_overflowed",
            "Observations counted under _other, as there was no room for their labels",
            None,
            MetricType::Counter,
            rows,
        )
    }

    fn listeners(&mut self, scraped: &[Scraped<'_>]) -> fmt::Result {
        let listeners = || {
            scraped.iter().flat_map(|one| {
                one.listeners.iter().map(move |(key, figures)| {
                    let [listener, pattern] = key.values();
                    let event_pool = (EVENT_POOL, &*one.of.name);
                    let labels = [event_pool, ("listener", listener), ("pattern", pattern)];
                    (labels, figures)
                })
            })
        };
        for (name, help, read) in LISTENER_COUNTERS {
            let rows = listeners().map(|(labels, figures)| (labels, read(figures).clone()));
            self.family(name, help, None, MetricType::Counter, rows)?;
        }
        for (name, help, read) in LISTENER_HISTOGRAMS {
            let rows = listeners().map(|(labels, figures)| (labels, read(figures).clone()));
            self.family(
                name,
                help,
                Some(&Unit::Seconds),
                MetricType::Histogram,
                rows,
            )?;
        }
        Ok(())
    }

    fn family<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        kind: MetricType,
        rows: impl Iterator<Item = ([(&'l str, &'l str); N], impl EncodeMetric)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, figure) in rows {
            figure.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
