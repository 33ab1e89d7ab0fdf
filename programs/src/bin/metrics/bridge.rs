//! The bridge to other machines, and what the page shows of it.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use soiree::codec::Json;
use soiree::introspection::BridgeConsumerInfo;
use soiree::metrics::{self, Metrics};
use soiree::nats::{Consume, Nats};
use soiree::{EventPool, Outbox, TaskPool, WorkerPool};
use tokio::runtime::Handle;

/// Publishes the orders of the outbox, and consumes them, as another machine would. Does not wait for the server.
pub(crate) fn build(
    url: &str,
    soiree: &EventPool,
    outbox: &Outbox,
    metrics: &Metrics,
) -> Result<Nats, Box<dyn Error>> {
    let publishing = TaskPool::new(Handle::current(), 64, 1_000)?;
    soiree.add_bulkhead("async", publishing)?;
    let nats = Nats::builder(url)
        .stream("METRICS")
        .prefix("soiree-metrics")
        .codec("order.*", Json::<u64>::new())
        .connect_later()
        .map_err(|error| format!("--nats: {error}"))?;
    nats.publish(outbox, "order.*")?;
    let elsewhere = EventPool::builder().pool(WorkerPool::new(1, 64)?).build()?;
    elsewhere.on("order.*", |_| ())?;
    let consume = Consume::durable("elsewhere", "order.*")
        .heartbeat(Duration::from_secs(1))
        .echo(true);
    nats.consume(&elsewhere, consume)?;
    metrics::add_nats(metrics, &nats, "main")?;
    Ok(nats)
}

/// What the page shows of the bridge: a row for what is published, and one for each consumer.
pub(crate) fn status(nats: &Nats) -> Value {
    let info = nats.info();
    let (kind, state) = match (info.is_connected, &info.error) {
        (true, None) => ("good", "connected".to_owned()),
        (true, Some(error)) => ("warn", format!("connected; {error}")),
        (false, _) => ("bad", "not connected".to_owned()),
    };
    let published = json!({
        "name": &*info.name,
        "pattern": nats.subjects().all(),
        "kind": kind,
        "state": state,
        "published": info.published,
    });
    let consumers = info.consumers.iter().map(consumer);
    [published].into_iter().chain(consumers).collect()
}

fn consumer(info: &BridgeConsumerInfo) -> Value {
    let (kind, state) = match (info.is_pulling, info.dead) {
        (false, _) => ("bad", "gets nothing".to_owned()),
        (true, 0) => ("good", "consumes".to_owned()),
        (true, dead) => ("bad", format!("consumes, {dead} dead")),
    };
    json!({
        "name": &*info.name,
        "pattern": &*info.pattern,
        "kind": kind,
        "state": state,
        "received": info.received,
        "acked": info.acked,
        "redelivered": info.redelivered,
        "lag": info.lag,
        "dead": info.dead,
    })
}
