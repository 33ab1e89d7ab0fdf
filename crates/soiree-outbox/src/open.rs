//! Putting an outbox together: opens the store, reserves the topics, starts the threads.

use std::sync::atomic::AtomicU64;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use soiree_core::Pattern;
use soiree_engine::Soiree;

use crate::builder::OutboxBuilder;
use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::commit_queue::CommitQueue;
use crate::error::OutboxError;
use crate::figures::StoreFigures;
use crate::outbox::{Inner, Outbox, Settings, Threads};
use crate::relay::{Progress, Relay};
use crate::signals::Signals;
use crate::tail::{TAIL_BYTES, TAIL_EVENTS, Tail};
use crate::writer::Writer;

impl OutboxBuilder {
    /// Opens the store, and wraps an event pool. Subscribe the durable listeners then, and [`start`](Outbox::start). Blocks while the store
    /// is opened.
    ///
    /// # Errors
    /// If a setting is invalid, the store cannot be opened, or the event pool is closed.
    pub fn build(mut self, soiree: impl Soiree + 'static) -> Result<Outbox, OutboxError> {
        let codecs = std::mem::take(&mut self.codecs)
            .into_iter()
            .map(|(pattern, codec)| Ok((Pattern::new(&pattern)?, codec)))
            .collect::<Result<Vec<_>, OutboxError>>()?;
        let codecs = Codecs::new(codecs);
        if codecs.patterns().is_empty() {
            return Err(OutboxError::NoCodec);
        }
        for (setting, value) in [
            ("max_events", self.max_events),
            ("queue_capacity", self.queue.events as u64),
            ("queue_bytes", self.queue.bytes as u64),
            ("max_payload", self.max_payload as u64),
            ("in_flight", self.limits.in_flight as u64),
            ("max_parked", self.limits.max_parked as u64),
        ] {
            if value == 0 {
                return Err(OutboxError::Zero { setting });
            }
        }
        open(self, codecs, Arc::new(soiree))
    }
}

/// Says that the relay has ended when it is dropped, also by a panic.
struct Ended(Arc<Signals>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn open(
    builder: OutboxBuilder,
    codecs: Codecs,
    soiree: Arc<dyn Soiree>,
) -> Result<Outbox, OutboxError> {
    let OutboxBuilder {
        store,
        max_events,
        queue,
        max_payload,
        limits,
        keep,
        orphans,
        start_from,
        is_shared,
        is_strict,
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
    let figures = Arc::new(StoreFigures::new(events, opened.last));
    let queue = Arc::new(CommitQueue::new(queue));
    let signals = Arc::<Signals>::default();
    let writer = Writer {
        store: Arc::clone(&store),
        queue: Arc::clone(&queue),
        signals: Arc::clone(&signals),
        clock: clock.clone(),
        figures: Arc::clone(&figures),
        last: opened.last,
        max_events,
        keep,
        since_sweep: 0,
        pause: None,
        counted_at: None,
        looked_at: None,
    };
    let relay = Relay {
        soiree: Arc::downgrade(&soiree),
        store: Arc::clone(&store),
        codecs: Arc::clone(&codecs),
        queue: Arc::clone(&queue),
        signals: Arc::clone(&signals),
        clock: clock.clone(),
        figures: Arc::clone(&figures),
        tail: Tail::new(opened.last, TAIL_EVENTS, TAIL_BYTES),
        is_shared,
        sweep_every: keep.max(Duration::from_millis(1)),
        limits,
        state: Progress::default(),
    };
    let writer = spawn("soiree-outbox-writer", move || writer.run())?;
    let (sender, claims) = channel();
    let ended = Ended(Arc::clone(&signals));
    let relay = spawn("soiree-outbox-relay", move || {
        let _ended = ended;
        // Nobody waits for it if the outbox was dropped without a close.
        let _ = sender.send(relay.run());
    });
    let relay_thread = match relay {
        Ok(relay) => relay.thread().id(),
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
            is_strict,
        },
        next_number: AtomicU64::new(0),
        listeners: Mutex::default(),
        threads: Mutex::new(Some(Threads {
            writer,
            relay: claims,
        })),
        relay_thread,
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
