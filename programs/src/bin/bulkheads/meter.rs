//! Counts and times the events of one kind.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::kinds::Work;

/// Longer times count as this one.
const LONGEST: Duration = Duration::from_secs(3600);

pub(crate) struct Meter {
    offered: AtomicU64,
    rejected: AtomicU64,
    bytes: AtomicU64,
    times: Mutex<Times>,
}

/// In microseconds, to three digits.
#[derive(Clone)]
pub(crate) struct Times {
    /// From the emission to the start of the listener.
    pub(crate) waiting: Histogram<u64>,
    /// From the emission to the end of the listener.
    pub(crate) latency: Histogram<u64>,
}

/// What a meter has read.
pub(crate) struct Reading {
    pub(crate) offered: u64,
    pub(crate) handled: u64,
    pub(crate) rejected: u64,
    /// Size of the payloads that were read from a file.
    pub(crate) bytes: u64,
    pub(crate) times: Times,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let histogram = || {
            let longest = LONGEST.as_micros() as u64;
            Histogram::new_with_bounds(1, longest, 3).expect("the bounds are valid")
        };
        Self {
            offered: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            times: Mutex::new(Times {
                waiting: histogram(),
                latency: histogram(),
            }),
        }
    }

    pub(crate) fn offer(&self) {
        self.offered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Does the work and records its times.
    pub(crate) fn handle(&self, work: &Work, takes: Duration) -> Result<(), serde_json::Error> {
        let waited = work.emitted.elapsed();
        if let Some(delivery) = &work.delivery {
            let json = serde_json::to_vec(&*delivery.payload)?;
            self.bytes.fetch_add(json.len() as u64, Ordering::Relaxed);
        }
        thread::sleep(takes);
        let total = work.emitted.elapsed();
        let mut times = self.times();
        times.waiting.saturating_record(waited.as_micros() as u64);
        times.latency.saturating_record(total.as_micros() as u64);
        Ok(())
    }

    pub(crate) fn read(&self) -> Reading {
        let times = self.times().clone();
        Reading {
            offered: self.offered.load(Ordering::Relaxed),
            handled: times.latency.len(),
            rejected: self.rejected.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            times,
        }
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
