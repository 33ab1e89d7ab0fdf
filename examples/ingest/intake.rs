//! What was taken in, in figures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The door: so many requests at once, so that their bodies have a bound.
pub(crate) struct Intake {
    places: Arc<Semaphore>,
    capacity: usize,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    rejected: Mutex<BTreeMap<u16, u64>>,
}

impl Intake {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(capacity)),
            capacity,
            accepted: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            rejected: Mutex::default(),
        }
    }

    /// `None` if as many requests as permitted are being taken in.
    pub(crate) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    pub(crate) fn took(&self, is_duplicate: bool) {
        let counter = if is_duplicate {
            &self.duplicates
        } else {
            &self.accepted
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn rejected(&self, status: u16) {
        let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        *rejected.entry(status).or_default() += 1;
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    pub(crate) fn status(&self) -> Value {
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        json!({
            "accepted": self.accepted(),
            "duplicates": self.duplicates.load(Relaxed),
            "rejected": *rejected,
            "in_progress": self.capacity - self.places.available_permits(),
            "capacity": self.capacity,
        })
    }
}
