//! The pools and the listeners. Some listeners are slow, some fail.

use std::error::Error;
use std::panic;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use soiree::metrics::Metrics;
use soiree::pool::{BuildError, Job};
use soiree::{EventPool, ListenerOptions, Overflow, Priority, Retry, SubscribeError, WorkerPool};

use crate::board::Board;
use crate::options::Options;

/// The worker of the pool `stalled` is busy as long as this exists.
pub(crate) struct Stall(#[expect(dead_code, reason = "dropping it ends the job")] mpsc::Sender<()>);

pub(crate) fn build(
    metrics: &Metrics,
    board: &Arc<Board>,
    options: &Options,
) -> Result<(EventPool, Option<Stall>), Box<dyn Error>> {
    let soiree = EventPool::builder()
        .pool(pool("default", 4, 64)?)
        .bulkhead("webhooks", pool("webhooks", 3, 32)?)
        .bulkhead("exports", pool("exports", 2, 8)?)
        .bulkhead("durable", pool("durable", 2, 16)?)
        .route("webhook.**", "webhooks")
        .route("export.**", "exports")
        .slow_listeners(Duration::from_millis(500))
        .observer(Arc::clone(board))
        .build()?;
    soiree.add_metrics(metrics, "main")?;
    subscribe(&soiree)?;
    for name in &options.listeners {
        soiree.on_with("**", named(name), |_| ())?;
    }
    let stalled = options.stalled.as_deref();
    let stall = stalled.map(|name| stall(&soiree, name)).transpose()?;
    Ok((soiree, stall))
}

/// Adds a listener that is not reached: the only worker of its pool does something else.
fn stall(soiree: &EventPool, name: &str) -> Result<Stall, Box<dyn Error>> {
    let stalled = pool("stalled", 1, 8)?;
    let (stall, stalls) = mpsc::channel();
    stalled.submit(Job::new(move || {
        let _ = stalls.recv();
    }))?;
    soiree.add_bulkhead("stalled", stalled)?;
    soiree.on_with("**", named(name).pool("stalled"), |_| ())?;
    Ok(Stall(stall))
}

fn pool(name: &str, workers: usize, capacity: usize) -> Result<WorkerPool, BuildError> {
    WorkerPool::builder()
        .name(name)
        .max_workers(workers)
        .capacity(capacity)
        .overflow(Overflow::Reject)
        .build()
}

fn named(name: &str) -> ListenerOptions {
    ListenerOptions::new().name(name)
}

fn subscribe(soiree: &EventPool) -> Result<(), SubscribeError> {
    soiree.on_with("request.*", named("respond"), |_| busy(2.0, 6.0))?;
    let audit = named("audit").priority(Priority::Highest);
    soiree.on_with("request.**", audit, |_| ())?;
    // A mail takes too long for the workers of requests, so it runs on those of webhooks.
    let welcome = named("welcome mail").pool("webhooks");
    soiree.on_with("request.signup", welcome, |_| busy(10.0, 30.0))?;

    let deliver = named("deliver").retry(Retry::exponential(Duration::from_millis(50), 3));
    soiree.on_with("webhook.*", deliver, |_| {
        busy(20.0, 60.0);
        if one_in(6) {
            return Err("the receiver answered 503");
        }
        Ok(())
    })?;

    soiree.on_with("export.*", named("render"), |_| busy(200.0, 1500.0))?;
    soiree.on_with("export.image", named("thumbnail"), |_| {
        busy(5.0, 20.0);
        if one_in(4) {
            // Panics without a message on the terminal.
            panic::resume_unwind(Box::new("the image has no pixels"));
        }
    })?;
    // A listener without a name.
    soiree.on("export.csv", |_| busy(1.0, 2.0))?;
    Ok(())
}

/// Sleeps for some milliseconds, mostly closer to `least`.
pub(crate) fn busy(least: f64, most: f64) {
    let millis = least + (most - least) * fastrand::f64().powi(2);
    thread::sleep(Duration::from_secs_f64(millis / 1000.0));
}

pub(crate) fn one_in(number: u32) -> bool {
    fastrand::u32(..number) == 0
}
