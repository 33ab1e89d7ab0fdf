//! Putting an outbox together: opens the store, reserves the topics, starts the threads.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree_engine::Soiree;

use crate::builder::OutboxBuilder;
use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::commit_queue::CommitQueue;
use crate::error::OutboxError;
use crate::figures::StoreFigures;
use crate::outbox::{Inner, Outbox, Settings, Threads};
use crate::relay::Relay;
use crate::signals::Signals;
use crate::tail::Tail;
use crate::writer::Writer;

/// How much of the log is kept in memory for listeners that keep up.
const TAIL_EVENTS: usize = 4_096;
const TAIL_BYTES: usize = 16 << 20;

pub(crate) fn open(
    builder: OutboxBuilder,
    codecs: Codecs,
    soiree: Arc<dyn Soiree>,
) -> Result<Outbox, OutboxError> {
    let OutboxBuilder {
        store,
        max_events,
        queue_capacity,
        max_payload,
        limits,
        keep,
        orphans,
        start_from,
        is_shared,
        clock,
        ..
    } = builder;
    let timer = soiree.timer().ok_or(OutboxError::NoTimer)?;
    let opened = store.open()?;
    let events = store.size()?.events;
    let reserved = codecs
        .patterns()
        .iter()
        .map(|pattern| soiree.reserve(pattern.as_str()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(OutboxError::Reserve)?;
    let clock = Clock::new(timer, &*clock);
    let codecs = Arc::new(codecs);
    let figures = Arc::new(StoreFigures::new(events));
    let queue = Arc::new(CommitQueue::new(queue_capacity));
    let signals = Arc::<Signals>::default();
    let writer = Writer {
        store: Arc::clone(&store),
        queue: Arc::clone(&queue),
        committed: Arc::clone(&signals),
        clock: clock.clone(),
        figures: Arc::clone(&figures),
        last: opened.last,
        max_events,
        keep,
        since_sweep: 0,
        pause: None,
    };
    let relay = Relay::new(
        Arc::clone(&store),
        Arc::clone(&codecs),
        Arc::clone(&queue),
        Arc::clone(&signals),
        clock.clone(),
        Tail::new(opened.last, TAIL_EVENTS, TAIL_BYTES),
        is_shared,
        keep.max(Duration::from_millis(1)),
        limits,
    );
    let writer = spawn("soiree-outbox-writer", move || writer.run())?;
    let relay = match spawn("soiree-outbox-relay", move || relay.run()) {
        Ok(relay) => relay,
        Err(error) => {
            queue.close();
            let _ = writer.join();
            return Err(error);
        }
    };
    let inner = Inner {
        soiree,
        store,
        store_id: opened.id,
        codecs,
        reserved,
        queue,
        signals,
        clock,
        figures,
        settings: Settings {
            max_payload,
            limits,
            orphans,
            start_from,
            keep,
        },
        next_number: AtomicU64::new(0),
        listeners: Mutex::default(),
        threads: Mutex::new(Some(Threads { writer, relay })),
        lifecycle: Mutex::default(),
    };
    Ok(Outbox {
        inner: Arc::new(inner),
    })
}

fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, OutboxError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(OutboxError::Spawn)
}
