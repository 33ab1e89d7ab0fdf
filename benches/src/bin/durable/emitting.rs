//! Emits that are durable.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use soiree::codec::Raw;
use soiree::{Event, EventPool, ListenerOptions, Outbox, OutboxBuilder, SqliteStore};

use crate::pace::paced;
use crate::result::Result;

/// The size of an event.
pub(crate) const BYTES: usize = 1_024;
/// Longer than any workload takes.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn rate(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}

pub(crate) fn builder(path: &Path) -> OutboxBuilder {
    Outbox::builder(SqliteStore::at(path)).codec("a.*", Raw)
}

/// An outbox that is started, and how often its listeners were called.
fn outbox(path: &Path, listeners: usize) -> Result<(Outbox, Arc<AtomicU64>)> {
    let outbox = builder(path).build(EventPool::new())?;
    let handled = Arc::new(AtomicU64::new(0));
    for number in 0..listeners {
        let handled = Arc::clone(&handled);
        let options = ListenerOptions::new().durable(format!("listener {number}"));
        outbox.on_with("a.*", options, move |_: &dyn Event| {
            handled.fetch_add(1, Ordering::Relaxed);
        })?;
    }
    outbox.start()?;
    Ok((outbox, handled))
}

fn emit(outbox: &Outbox) {
    let stored = outbox.emit("a.b", vec![7_u8; BYTES]);
    assert!(stored.is_ok(), "{stored:?}");
}

/// Emits from several threads, until every listener has ended every event and the store knows. Returns how many in a second.
pub(crate) fn throughput(path: &Path, events: u64, emitters: u64, listeners: usize) -> Result<f64> {
    let (outbox, handled) = outbox(path, listeners)?;
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..emitters {
            scope.spawn(|| (0..events / emitters).for_each(|_| emit(&outbox)));
        }
    });
    outbox.drain(TIME_LIMIT)?;
    let took = start.elapsed();
    let emitted = events / emitters * emitters;
    assert_eq!(handled.load(Ordering::Relaxed), emitted * listeners as u64);
    outbox.close()?;
    Ok(rate(emitted, took))
}

/// Emits one after the other at this rate. Returns how long each took, in nanoseconds.
pub(crate) fn latency(
    path: &Path,
    events: u64,
    per_second: f64,
    listeners: usize,
) -> Result<Vec<f64>> {
    let (outbox, _) = outbox(path, listeners)?;
    let took = paced(events, per_second, |_| {
        emit(&outbox);
        Ok(())
    })?;
    outbox.drain(TIME_LIMIT)?;
    outbox.close()?;
    Ok(took)
}
