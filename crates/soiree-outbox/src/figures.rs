//! What an outbox has done, in figures.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use soiree_core::store::StoreError;

/// Whether events can be stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreState {
    /// They can.
    Ok,
    /// The last commit failed, and the next one may succeed: the store is full, or cannot be written just now.
    Failing(Arc<StoreError>),
    /// The store failed for good. Nothing is stored or delivered until an outbox is built anew.
    Failed(Arc<StoreError>),
}

/// The figures of an outbox. Returned by [`Outbox::stats`](crate::Outbox::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Whether events can be stored.
    pub state: StoreState,
    /// Events in the store, ended ones included until they are swept.
    pub events: u64,
    /// Events that wait to be committed.
    pub queued: usize,
    /// Events stored since the outbox was built.
    pub stored: u64,
    /// Events that were in the store before, with the same ID.
    pub duplicates: u64,
    /// Events that were not stored.
    pub refused: u64,
    /// Commits since the outbox was built, failed ones included.
    pub commits: u64,
    /// How long they took together.
    pub commit_time: Duration,
}

#[derive(Debug)]
pub(crate) struct StoreFigures {
    pub(crate) events: Gauge,
    stored: AtomicU64,
    duplicates: AtomicU64,
    refused: AtomicU64,
    commits: AtomicU64,
    commit_nanos: AtomicU64,
    state: Mutex<StoreState>,
}

/// A number that does not fall below zero.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn remove(&self, fewer: u64) {
        let remaining = |now: u64| Some(now.saturating_sub(fewer));
        let _ = self.0.fetch_update(Relaxed, Relaxed, remaining);
    }
}

impl StoreFigures {
    pub(crate) fn new(events: u64) -> Self {
        Self {
            events: Gauge(AtomicU64::new(events)),
            stored: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            commit_nanos: AtomicU64::new(0),
            state: Mutex::new(StoreState::Ok),
        }
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.commits.fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.fetch_add(nanos, Relaxed);
    }

    pub(crate) fn stored(&self, events: u64) {
        self.stored.fetch_add(events, Relaxed);
        self.events.add(events);
    }

    pub(crate) fn duplicate(&self) {
        self.duplicates.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self, events: u64) {
        self.refused.fetch_add(events, Relaxed);
    }

    pub(crate) fn set_state(&self, state: StoreState) {
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *now = state;
    }

    pub(crate) fn is_failing(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(*state, StoreState::Ok)
    }

    pub(crate) fn read(&self, queued: usize) -> OutboxStats {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = state.clone();
        OutboxStats {
            state,
            events: self.events.get(),
            queued,
            stored: self.stored.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
            refused: self.refused.load(Relaxed),
            commits: self.commits.load(Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Relaxed)),
        }
    }
}
