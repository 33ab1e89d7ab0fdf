//! The listeners of the replay.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use soiree::{BoxError, Event, EventPool, PayloadView};

/// Further prefixes count as `OTHER`, so that the table stays bounded.
const MAX_PREFIXES: usize = 10_000;
const OTHER: &str = "(other)";

/// Counts events and bytes of payload for each topic prefix of two segments.
#[derive(Default)]
pub(crate) struct Prefixes(Mutex<HashMap<Box<str>, Volume>>);

#[derive(Clone, Copy, Default)]
pub(crate) struct Volume {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// A digest of all events that does not depend on their order: the sum of their SHA-256, as four words of 64 bits.
///
/// An exclusive or would not do: equal events cancel each other out.
#[derive(Default)]
pub(crate) struct RollingDigest {
    words: [AtomicU64; 4],
    events: AtomicU64,
}

/// Emits events on another `EventPool`, whose overflow policy decides whether that blocks.
pub(crate) struct Forward {
    sink: EventPool,
    rejected: AtomicU64,
}

impl Prefixes {
    pub(crate) fn add(&self, event: &dyn Event) -> Result<(), BoxError> {
        let mut length = ByteCount(0);
        serde_json::to_writer(&mut length, &*payload(event)?)?;
        let prefix = prefix(event.topic());
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = table.contains_key(prefix);
        let key = if known || table.len() < MAX_PREFIXES {
            prefix
        } else {
            OTHER
        };
        if !table.contains_key(key) {
            table.insert(key.into(), Volume::default());
        }
        if let Some(volume) = table.get_mut(key) {
            volume.events += 1;
            volume.bytes += length.0;
        }
        Ok(())
    }

    /// Returns the prefixes with the most events. Of those with equally many, the alphabet decides.
    pub(crate) fn top(&self, most: usize) -> Vec<(Box<str>, Volume)> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = table
            .iter()
            .map(|(prefix, volume)| (prefix.clone(), *volume))
            .collect();
        all.sort_by(|(a, x), (b, y)| y.events.cmp(&x.events).then_with(|| a.cmp(b)));
        all.truncate(most);
        all
    }
}

impl RollingDigest {
    pub(crate) fn add(&self, event: &dyn Event) -> Result<(), BoxError> {
        let mut hash = Sha256::new();
        hash.update(event.topic());
        // No topic contains this byte, so it separates topic and payload.
        hash.update([0]);
        hash.update(serde_json::to_vec(&*payload(event)?)?);
        let hash = hash.finalize();
        for (word, bytes) in self.words.iter().zip(hash.chunks_exact(8)) {
            let value = bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte));
            word.fetch_add(value, Ordering::Relaxed);
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(crate) fn hex(&self) -> String {
        self.words
            .iter()
            .map(|word| format!("{:016x}", word.load(Ordering::Relaxed)))
            .collect()
    }
}

impl Forward {
    pub(crate) fn new(sink: EventPool) -> Self {
        Self {
            sink,
            rejected: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, event: &dyn Event) {
        if self.sink.emit(event.topic(), event.payload()).is_err() {
            self.rejected.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
}

fn payload(event: &dyn Event) -> Result<PayloadView<'_, Json>, &'static str> {
    event.payload_as().ok_or("the payload is not JSON")
}

fn prefix(topic: &str) -> &str {
    topic
        .match_indices('.')
        .nth(1)
        .map_or(topic, |(end, _)| &topic[..end])
}

/// Counts bytes and drops them.
struct ByteCount(u64);

impl Write for ByteCount {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
