//! Encoding all metrics at a scrape.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use soiree_core::PoolStats;

use crate::event_pool::{EventPoolMetrics, EventPoolStats};
use crate::family::LabelValues;
use crate::inboxes::{InboxLabels, InboxSums, sums};
use crate::names::{
    DURABLE_FLAGS, DURABLE_GAUGES, DURABLE_OUTCOMES, EMISSION_COUNTERS, INBOX_GAUGES,
    LISTENER_COUNTERS, LISTENER_HISTOGRAMS, OUTBOX_COUNTERS, OUTBOX_GAUGES, OUTBOX_REJECTIONS,
    OUTBOX_STATES, PARKED_STATES, POOL_COUNTERS, POOL_GAUGES, POOL_HISTOGRAMS, REDELIVERIES,
    WAITING_CAUSES,
};
use crate::nats::NatsFigures;
use crate::outbox::{DurableFigures, HistogramFigures, OutboxFigures};
use crate::series::{ListenerSeries, PoolSeries, REJECTION_REASONS};

const EVENT_POOL: &str = "event_pool";
const POOL: &str = "pool";
const OUTBOX: &str = "outbox";

/// The series of one `EventPool` at the moment of a scrape.
struct Scrape<'a> {
    metrics: &'a EventPoolMetrics,
    /// `None` if there is nothing to read.
    stats: Option<EventPoolStats>,
    pools: Vec<(LabelValues<1>, Arc<PoolSeries>)>,
    listeners: Vec<(LabelValues<2>, Arc<ListenerSeries>)>,
    inboxes: BTreeMap<InboxLabels, InboxSums>,
}

pub(crate) fn encode(
    event_pools: &[Arc<EventPoolMetrics>],
    outboxes: &[(Box<str>, OutboxFigures)],
    bridges: &[(Box<str>, NatsFigures)],
    pools: &[(Box<str>, PoolStats)],
    mut encoder: DescriptorEncoder<'_>,
) -> fmt::Result {
    // Read once, so that all metrics of a pool are of one moment.
    let scrapes: Vec<Scrape<'_>> = event_pools
        .iter()
        .map(|metrics| {
            let stats = metrics.stats();
            let inboxes = stats.as_ref().map(|stats| &*stats.inboxes);
            Scrape {
                metrics,
                inboxes: sums(inboxes.unwrap_or_default(), metrics.max_label_sets),
                stats,
                pools: metrics.pools.all(),
                listeners: metrics.listeners.all(),
            }
        })
        .collect();
    let mut encoder = FamilyEncoder(&mut encoder);
    encoder.encode_pools(&scrapes, pools)?;
    encoder.encode_emissions(&scrapes)?;
    encoder.encode_listeners(&scrapes)?;
    encoder.encode_inboxes(&scrapes)?;
    if !outboxes.is_empty() {
        encoder.encode_outboxes(outboxes)?;
        encoder.encode_durable(outboxes)?;
    }
    if !bridges.is_empty() {
        encoder.encode_bridges(bridges)?;
    }
    Ok(())
}

/// A histogram that was counted elsewhere.
struct ReadHistogram<'a>(&'a HistogramFigures);

impl EncodeMetric for ReadHistogram<'_> {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let Self(HistogramFigures { buckets, sum }) = self;
        let count = buckets.iter().map(|(_, count)| count).sum();
        // The encoder's own way to say that a bound is infinite.
        let finite = buckets
            .iter()
            .map(|(bound, count)| (bound.min(f64::MAX), *count));
        let buckets: Vec<(f64, u64)> = finite.collect();
        encoder.encode_histogram::<NoLabelSet>(*sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

pub(crate) struct FamilyEncoder<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl FamilyEncoder<'_, '_> {
    /// `alone` are the pools of no `EventPool`.
    fn encode_pools(
        &mut self,
        scrapes: &[Scrape<'_>],
        alone: &[(Box<str>, PoolStats)],
    ) -> fmt::Result {
        let stats = || {
            let alone = alone.iter();
            let alone = alone.map(|(name, stats)| ([(EVENT_POOL, ""), (POOL, &**name)], stats));
            let owned = scrapes.iter().flat_map(|scrape| {
                let labels = |pool| [(EVENT_POOL, &*scrape.metrics.name), (POOL, pool)];
                let pools = scrape.stats.iter().flat_map(|stats| &stats.pools);
                pools.map(move |(name, stats)| (labels(name), stats))
            });
            owned.chain(alone)
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
        let stats = || {
            let scrapes = scrapes.iter();
            scrapes.filter_map(|scrape| Some((&*scrape.metrics.name, scrape.stats.as_ref()?)))
        };
        self.encode_family(
            "soiree_emissions_in_flight",
            "Emissions that have started and not ended",
            None,
            MetricType::Gauge,
            stats().map(|(name, stats)| ([(EVENT_POOL, name)], ConstGauge::new(stats.in_flight))),
        )?;
        let rows = stats().flat_map(|(name, stats)| {
            WAITING_CAUSES.iter().map(move |(cause, read)| {
                let labels = [(EVENT_POOL, name), ("cause", *cause)];
                (labels, ConstGauge::new(read(&stats.waiting) as u64))
            })
        });
        self.encode_family(
            "soiree_emissions_waiting",
            "Emissions, and listeners of theirs that run apart, that wait, by what they wait for",
            None,
            MetricType::Gauge,
            rows,
        )?;
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

    fn encode_inboxes(&mut self, scrapes: &[Scrape<'_>]) -> fmt::Result {
        for (name, help, read) in INBOX_GAUGES {
            let rows = scrapes.iter().flat_map(|scrape| {
                scrape.inboxes.iter().map(move |([listener, pattern], of)| {
                    let event_pool = (EVENT_POOL, &*scrape.metrics.name);
                    let labels = [event_pool, ("listener", &**listener), ("pattern", pattern)];
                    (labels, ConstGauge::new(read(of)))
                })
            });
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        Ok(())
    }

    fn encode_outboxes(&mut self, outboxes: &[(Box<str>, OutboxFigures)]) -> fmt::Result {
        let rows = outboxes.iter().flat_map(|(name, figures)| {
            OUTBOX_STATES.iter().map(move |(label, state)| {
                let labels = [(OUTBOX, &**name), ("state", *label)];
                (labels, ConstGauge::new(u64::from(figures.state == *state)))
            })
        });
        let help = "Whether the store of the outbox is in this state";
        self.encode_family("soiree_outbox_state", help, None, MetricType::Gauge, rows)?;
        let outboxes = || {
            let outboxes = outboxes.iter();
            outboxes.map(|(name, figures)| ([(OUTBOX, &**name)], figures))
        };
        for (name, help, read) in OUTBOX_GAUGES {
            let rows = outboxes().map(|(labels, of)| (labels, ConstGauge::new(read(of))));
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        for (name, help, read) in OUTBOX_COUNTERS {
            let rows = outboxes().map(|(labels, of)| (labels, ConstCounter::new(read(of))));
            self.encode_family(name, help, None, MetricType::Counter, rows)?;
        }
        let rows = outboxes().flat_map(|([outbox], of)| {
            OUTBOX_REJECTIONS.iter().map(move |(reason, read)| {
                let labels = [outbox, ("reason", *reason)];
                (labels, ConstCounter::new(read(&of.rejected)))
            })
        });
        let help = "Events that were not stored";
        self.encode_family(
            "soiree_outbox_rejected",
            help,
            None,
            MetricType::Counter,
            rows,
        )?;
        self.encode_family(
            "soiree_outbox_commit",
            "How long a commit took, also one that failed",
            Some(&Unit::Seconds),
            MetricType::Histogram,
            outboxes().map(|(labels, of)| (labels, ReadHistogram(&of.commit_seconds))),
        )?;
        self.encode_family(
            "soiree_outbox_commit_events",
            "How many events a commit had",
            None,
            MetricType::Histogram,
            outboxes().map(|(labels, of)| (labels, ReadHistogram(&of.commit_events))),
        )
    }

    fn encode_durable(&mut self, outboxes: &[(Box<str>, OutboxFigures)]) -> fmt::Result {
        let known = || {
            outboxes.iter().flat_map(|(name, figures)| {
                let listeners = figures.listeners.iter();
                listeners.map(move |of| ([(OUTBOX, &**name), ("listener", &*of.name)], of))
            })
        };
        let subscribed = || known().filter(|(_, of)| !of.is_orphan);
        for (name, help, read) in DURABLE_FLAGS {
            let rows = known().map(|(labels, of)| (labels, ConstGauge::new(read(of))));
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        let rows = known().flat_map(|([outbox, listener], of)| {
            let known = if of.is_orphan { 2 } else { PARKED_STATES.len() };
            PARKED_STATES.iter().take(known).map(move |(state, read)| {
                let labels = [outbox, listener, ("state", *state)];
                (labels, ConstGauge::new(read(of)))
            })
        });
        let help = "Events that the listener has not ended, and that hold up no others";
        self.encode_family("soiree_durable_parked", help, None, MetricType::Gauge, rows)?;
        for (name, help, read) in DURABLE_GAUGES {
            let rows = subscribed().map(|(labels, of)| (labels, ConstGauge::new(read(of))));
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        let seconds = |of: &DurableFigures| ConstGauge::new(of.oldest_waiting.as_secs_f64());
        self.encode_family(
            "soiree_durable_oldest_waiting",
            "How long the oldest event waits that has not ended and is not parked",
            Some(&Unit::Seconds),
            MetricType::Gauge,
            subscribed().map(|(labels, of)| (labels, seconds(of))),
        )?;
        let rows = subscribed().flat_map(|([outbox, listener], of)| {
            DURABLE_OUTCOMES.iter().map(move |(outcome, read)| {
                let labels = [outbox, listener, ("outcome", *outcome)];
                (labels, ConstCounter::new(read(of)))
            })
        });
        let redelivered = subscribed().flat_map(|([outbox, listener], of)| {
            REDELIVERIES.iter().map(move |(reason, read)| {
                let labels = [outbox, listener, ("reason", *reason)];
                (labels, ConstCounter::new(read(of)))
            })
        });
        self.encode_family(
            "soiree_durable_redelivered",
            "Events that were delivered before, and again",
            None,
            MetricType::Counter,
            redelivered,
        )?;
        self.encode_family(
            "soiree_durable_outcomes",
            "What became of events, and attempts that failed",
            None,
            MetricType::Counter,
            rows,
        )
    }

    pub(crate) fn encode_family<'l, const N: usize>(
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
