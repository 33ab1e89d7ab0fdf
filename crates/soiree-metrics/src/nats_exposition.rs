//! The names of the metrics of bridges to NATS, and encoding them at a scrape.

use std::fmt;

use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::exposition::FamilyEncoder;
use crate::names::Value;
use crate::nats::{ConsumerFigures, NatsFigures};

const BRIDGE: &str = "bridge";

const GAUGES: [Value<NatsFigures>; 2] = [
    (
        "soiree_nats_connected",
        "Whether the bridge is connected to a server",
        |figures| figures.is_connected.into(),
    ),
    (
        "soiree_nats_publishing",
        "Events that are being published",
        |figures| figures.publishing,
    ),
];

const COUNTERS: [Value<NatsFigures>; 5] = [
    (
        "soiree_nats_reconnects",
        "How often the connection was made anew",
        |figures| figures.reconnects,
    ),
    (
        "soiree_nats_published",
        "Events that the stream has acknowledged",
        |figures| figures.published,
    ),
    (
        "soiree_nats_duplicates",
        "Published events that the stream had already",
        |figures| figures.duplicates,
    ),
    (
        "soiree_nats_failed_publishes",
        "Attempts to publish that failed",
        |figures| figures.failed_publishes,
    ),
    (
        "soiree_nats_not_published",
        "Events that came from the stream, and do not return to it",
        |figures| figures.not_published,
    ),
];

const CONSUMER_GAUGES: [Value<ConsumerFigures>; 3] = [
    (
        "soiree_nats_consumer_pulling",
        "Whether the consumer asks the server for messages",
        |figures| figures.is_pulling.into(),
    ),
    (
        "soiree_nats_consumer_lag",
        "Messages of the stream that the consumer has not been given",
        |figures| figures.lag,
    ),
    (
        "soiree_nats_consumer_in_flight",
        "Messages that are being handled",
        |figures| figures.in_flight,
    ),
];

const CONSUMER_COUNTERS: [Value<ConsumerFigures>; 5] = [
    (
        "soiree_nats_consumer_received",
        "Messages received, repeated ones included",
        |figures| figures.received,
    ),
    (
        "soiree_nats_consumer_redelivered",
        "Messages that were received before",
        |figures| figures.redelivered,
    ),
    (
        "soiree_nats_consumer_skipped",
        "Messages that were passed over",
        |figures| figures.skipped,
    ),
    (
        "soiree_nats_consumer_ack_wait_extended",
        "How often the server was asked for more time",
        |figures| figures.ack_wait_extended,
    ),
    (
        "soiree_nats_consumer_restarts",
        "How often asking for messages was started anew",
        |figures| figures.restarts,
    ),
];

type Part = (&'static str, fn(&ConsumerFigures) -> u64);

/// The values of the label `kind` of `soiree_nats_consumer_acks`.
const ACKS: [Part; 4] = [
    ("ack", |figures| figures.acked),
    ("again", |figures| figures.naked),
    ("dead", |figures| figures.dead),
    ("unconfirmed", |figures| figures.unconfirmed),
];

impl FamilyEncoder<'_, '_> {
    pub(crate) fn encode_bridges(&mut self, bridges: &[(Box<str>, NatsFigures)]) -> fmt::Result {
        let all = || {
            let bridges = bridges.iter();
            bridges.map(|(name, figures)| ([(BRIDGE, &**name)], figures))
        };
        for (name, help, read) in GAUGES {
            let rows = all().map(|(labels, of)| (labels, ConstGauge::new(read(of))));
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        for (name, help, read) in COUNTERS {
            let rows = all().map(|(labels, of)| (labels, ConstCounter::new(read(of))));
            self.encode_family(name, help, None, MetricType::Counter, rows)?;
        }
        let consumers = || {
            bridges.iter().flat_map(|(name, figures)| {
                let consumers = figures.consumers.iter();
                consumers.map(move |of| ([(BRIDGE, &**name), ("consumer", &*of.name)], of))
            })
        };
        for (name, help, read) in CONSUMER_GAUGES {
            let rows = consumers().map(|(labels, of)| (labels, ConstGauge::new(read(of))));
            self.encode_family(name, help, None, MetricType::Gauge, rows)?;
        }
        for (name, help, read) in CONSUMER_COUNTERS {
            let rows = consumers().map(|(labels, of)| (labels, ConstCounter::new(read(of))));
            self.encode_family(name, help, None, MetricType::Counter, rows)?;
        }
        let rows = consumers().flat_map(|([bridge, consumer], of)| {
            ACKS.iter().map(move |(kind, read)| {
                let labels = [bridge, consumer, ("kind", *kind)];
                (labels, ConstCounter::new(read(of)))
            })
        });
        self.encode_family(
            "soiree_nats_consumer_acks",
            "How messages ended",
            None,
            MetricType::Counter,
            rows,
        )
    }
}
