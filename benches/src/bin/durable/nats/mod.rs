//! Events between machines, next to the NATS client alone, with the same server and the same settings.

mod client;
mod server;
mod setup;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use soiree::codec::Raw;
use soiree::nats::{Consume, Nats, Publish};
use soiree::{BaseEvent, Event, EventPool, KeyOrder, Outbox, Soiree, TaskPool};
use soiree_testkit::MemoryStore;
use tokio::runtime::Runtime;

use self::client::Client;
use self::server::Server;
use self::setup::{WINDOW, bridge};
use crate::emitting::{self, BYTES, TIME_LIMIT, builder, rate};
use crate::result::Result;
use crate::table::{Table, Target, Unit};

const CLIENT: &str = "async-nats";
/// Streams without and with many partitions. With one, messages are handled one at a time.
const PARTITIONS: [u32; 2] = [1, 16];
const PACE: Duration = Duration::from_micros(200);

/// One round. `file` names a new file for each workload.
pub(crate) fn round(table: &mut Table, events: u64, mut file: impl FnMut() -> PathBuf) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let unit = Unit::EventsPerSecond;
    for (sync, target) in [("always", 0.7), ("2m", 0.5)] {
        let server = Server::start(sync)?;
        let theirs = Client::connect(&runtime, &server.url)?.publish(&runtime, events)?;
        let server = Server::start(sync)?;
        let ours = publish(&runtime, &server.url, &file(), events)?;
        let name =
            format!("NATS, sync_interval {sync}: publish from the outbox, {WINDOW} in flight");
        table.add(&name, CLIENT, unit, Target::AtLeast(target), (ours, theirs));

        // Each consumes what is in its own stream.
        let server = Server::start(sync)?;
        let client = Client::connect(&runtime, &server.url)?;
        client.publish(&runtime, events)?;
        let theirs = client.consume(&runtime, events)?;
        let plain = consume(&server.url, &EventPool::new(), events)?;
        let name =
            format!("NATS, sync_interval {sync}: consume into an event pool, {WINDOW} in flight");
        table.add(&name, CLIENT, unit, Target::AtLeast(0.8), (plain, theirs));

        let outbox = builder(&file()).build(EventPool::new())?;
        let stored = consume(&server.url, &outbox, events)?;
        outbox.close()?;
        let appended = emitting::throughput(&file(), events, 64, 0)?;
        let name =
            format!("NATS, sync_interval {sync}: consume into an outbox, {WINDOW} in flight");
        let peer = "the slower of async-nats and 64 emitters";
        let pair = (stored, theirs.min(appended));
        table.add(&name, peer, unit, Target::AtLeast(0.7), pair);

        for partitions in PARTITIONS {
            let server = Server::start(sync)?;
            let ours = by_partition(&runtime, &server.url, events, partitions)?;
            let name =
                format!("NATS, sync_interval {sync}: consume in order, {partitions} partitions");
            table.add(&name, "not in order", unit, Target::None, (ours, plain));
        }
    }
    Ok(())
}

fn publishing(runtime: &Runtime) -> Result<EventPool> {
    let tasks = TaskPool::new(runtime.handle().clone(), WINDOW, 10_000)?;
    Ok(EventPool::builder().bulkhead("async", tasks).build()?)
}

/// Publishes what waits in an outbox, until the outbox has noted that all of it is done.
fn publish(runtime: &Runtime, url: &str, path: &Path, events: u64) -> Result<f64> {
    let outbox = builder(path)
        .in_flight(WINDOW)
        .build(publishing(runtime)?)?;
    let nats = bridge(url).connect()?;
    nats.publish(&outbox, "a.*")?;
    fill(&outbox, events)?;
    let start = Instant::now();
    outbox.start()?;
    outbox.drain(TIME_LIMIT)?;
    let took = start.elapsed();
    assert_eq!(nats.stats().published, events);
    nats.close()?;
    outbox.close()?;
    Ok(rate(events, took))
}

fn fill(outbox: &Outbox, events: u64) -> Result {
    let event = || Arc::new(BaseEvent::new("a.b", vec![7_u8; BYTES])) as Arc<dyn Event>;
    for first in (0..events).step_by(1_000) {
        let batch = (first..events.min(first + 1_000)).map(|_| event());
        outbox.emit_all(batch)?;
    }
    Ok(())
}

/// Consumes what is in the stream, until the server has confirmed each acknowledgement.
fn consume<S: Soiree + Clone + 'static>(url: &str, sink: &S, events: u64) -> Result<f64> {
    (sink as &dyn Soiree).on("a.*", |_| ())?;
    let nats = bridge(url).connect()?;
    let name = match sink.durable_topics() {
        Some(_) => "outbox",
        None => "plain",
    };
    let start = Instant::now();
    nats.consume(sink, Consume::durable(name, "a.*").in_flight(WINDOW))?;
    until_acked(&nats, events)?;
    let took = start.elapsed();
    nats.close()?;
    Ok(rate(events, took))
}

/// As [`consume`], from a stream with partitions, each with one message in flight.
fn by_partition(runtime: &Runtime, url: &str, events: u64, partitions: u32) -> Result<f64> {
    let bridge = || bridge(url).partitions(partitions).connect();
    let from = Outbox::builder(MemoryStore::new())
        .codec("a.*", Raw)
        .build(publishing(runtime)?)?;
    let publishes = bridge()?;
    // Without a key, events are spread over the partitions.
    let spread = Publish::new("a.*").ordered(KeyOrder::by(|_| None::<u64>));
    publishes.publish(&from, spread)?;
    fill(&from, events)?;
    from.start()?;
    from.drain(TIME_LIMIT)?;
    let soiree = EventPool::new();
    soiree.on("a.*", |_| ())?;
    let nats = bridge()?;
    let start = Instant::now();
    nats.consume(&soiree, Consume::durable("ordered", "a.*").by_partition())?;
    until_acked(&nats, events)?;
    let took = start.elapsed();
    for nats in [publishes, nats] {
        nats.close()?;
    }
    from.close()?;
    soiree.close()?;
    Ok(rate(events, took))
}

fn until_acked(nats: &Nats, events: u64) -> Result {
    let started = Instant::now();
    loop {
        let acked: u64 = nats.stats().consumers.iter().map(|one| one.acked).sum();
        if acked >= events {
            return Ok(());
        }
        if started.elapsed() > TIME_LIMIT {
            return Err(format!("{acked} of {events} messages were acknowledged").into());
        }
        thread::sleep(PACE);
    }
}
