//! What was taken in, in figures.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use soiree::metrics::prometheus_client::collector::Collector;
use soiree::metrics::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use soiree::metrics::prometheus_client::metrics::MetricType;
use soiree::metrics::prometheus_client::metrics::counter::ConstCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The door: so many requests at once, so that their bodies have a bound.
#[derive(Debug)]
pub(crate) struct Intake {
    places: Arc<Semaphore>,
    capacity: usize,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    rejected_lines: AtomicU64,
    /// By the status of the answer. There are about a dozen.
    requests: Mutex<BTreeMap<u16, u64>>,
}

impl Intake {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(capacity)),
            capacity,
            accepted: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            rejected_lines: AtomicU64::new(0),
            requests: Mutex::default(),
        }
    }

    /// Takes so many places, or all if there are fewer. `None` if not as many are free.
    pub(crate) fn enter(&self, places: usize) -> Option<OwnedSemaphorePermit> {
        let places = u32::try_from(places.min(self.capacity)).ok()?;
        let all = Arc::clone(&self.places);
        all.try_acquire_many_owned(places).ok()
    }

    /// An event was stored, now or before.
    pub(crate) fn took(&self, is_duplicate: bool) {
        let counter = if is_duplicate {
            &self.duplicates
        } else {
            &self.accepted
        };
        counter.fetch_add(1, Relaxed);
    }

    /// A line of a batch was rejected, whose other lines may be taken.
    pub(crate) fn rejected_line(&self) {
        self.rejected_lines.fetch_add(1, Relaxed);
    }

    /// A request got its answer.
    pub(crate) fn answered(&self, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(status).or_default() += 1;
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    fn requests(&self) -> BTreeMap<u16, u64> {
        let requests = self.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn status(&self) -> Value {
        json!({
            "accepted": self.accepted(),
            "duplicates": self.duplicates.load(Relaxed),
            "rejected_lines": self.rejected_lines.load(Relaxed),
            "requests": self.requests(),
            "in_progress": self.capacity - self.places.available_permits(),
            "capacity": self.capacity,
        })
    }
}

/// The figures as metrics, read at each scrape.
#[derive(Debug)]
pub(crate) struct IntakeMetrics(pub(crate) Arc<Intake>);

impl Collector for IntakeMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(intake) = self;
        let mut counters = |name, help, label, rows: &[(&str, u64)]| {
            let kind = MetricType::Counter;
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (value, count) in rows {
                let labels = [(label, *value)];
                ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
            }
            Ok::<_, fmt::Error>(())
        };
        let requests = intake.requests().into_iter();
        let requests: Vec<_> = requests
            .map(|(status, count)| (status.to_string(), count))
            .collect();
        let requests: Vec<_> = requests.iter().map(|(s, count)| (&**s, *count)).collect();
        let help = "Requests that bring events, by the status of the answer";
        counters("ingest_requests", help, "status", &requests)?;
        let events = [
            ("stored", intake.accepted()),
            ("duplicate", intake.duplicates.load(Relaxed)),
            ("rejected_line", intake.rejected_lines.load(Relaxed)),
        ];
        let help = "What became of events that were brought; of those that are rejected, only lines of batches are counted";
        counters("ingest_events", help, "outcome", &events)
    }
}
