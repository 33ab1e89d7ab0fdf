//! What an outbox has done, in figures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use soiree_core::store::{Position, StoreError};

/// Whether events can be stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreState {
    /// They can.
    Ok,
    /// The last commit failed, and the next one may succeed: the store is full, or cannot be written just now.
    Failing(Arc<StoreError>),
    /// They can, but the store cannot be read: listeners wait, and it is read again each second. [`DurableInfo::unreadable`] says which.
    ///
    /// [`DurableInfo::unreadable`]: crate::DurableInfo::unreadable
    Unreadable(Arc<StoreError>),
    /// The store failed for good. Nothing is stored or delivered until an outbox is built anew.
    Failed(Arc<StoreError>),
}

/// The figures of an outbox. Returned by [`Outbox::stats`](crate::Outbox::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Whether events can be stored.
    pub state: StoreState,
    /// Events in the store, ended ones included until they are swept. What others have appended counts once it was seen; what other
    /// processes have swept no longer counts once this one has swept as well.
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
    /// The last position of the log that was counted.
    counted: AtomicU64,
    /// Others append too.
    has_others: AtomicBool,
    states: Mutex<States>,
}

#[derive(Debug)]
struct States {
    /// As the writer sees it.
    writing: StoreState,
    /// Why the relay cannot read.
    unreadable: Option<Arc<StoreError>>,
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

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub(crate) fn remove(&self, fewer: u64) {
        let remaining = |now: u64| Some(now.saturating_sub(fewer));
        let _ = self.0.fetch_update(Relaxed, Relaxed, remaining);
    }
}

impl StoreFigures {
    /// The store holds so many events, and its log ends at `last`.
    pub(crate) fn new(events: u64, last: Position) -> Self {
        Self {
            events: Gauge(AtomicU64::new(events)),
            stored: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            commit_nanos: AtomicU64::new(0),
            counted: AtomicU64::new(last.0),
            has_others: AtomicBool::new(false),
            states: Mutex::new(States {
                writing: StoreState::Ok,
                unreadable: None,
            }),
        }
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.commits.fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.fetch_add(nanos, Relaxed);
    }

    pub(crate) fn stored(&self, events: u64) {
        self.stored.fetch_add(events, Relaxed);
    }

    /// The log ends at `last`, or later. `own` events of those since it was seen last are this outbox's.
    pub(crate) fn count_up_to(&self, last: Position, own: u64) {
        let before = self.counted.fetch_max(last.0, Relaxed);
        let more = last.0.saturating_sub(before);
        self.events.add(more);
        if more > own {
            self.has_others.store(true, Relaxed);
        }
    }

    /// Whether others append too, so that the number of events may be too high.
    pub(crate) fn has_others(&self) -> bool {
        self.has_others.load(Relaxed)
    }

    pub(crate) fn duplicate(&self) {
        self.duplicates.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self, events: u64) {
        self.refused.fetch_add(events, Relaxed);
    }

    pub(crate) fn set_state(&self, state: StoreState) {
        self.states().writing = state;
    }

    pub(crate) fn set_unreadable(&self, error: Option<Arc<StoreError>>) {
        self.states().unreadable = error;
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_failing(&self) -> bool {
        !matches!(self.states().writing, StoreState::Ok)
    }

    pub(crate) fn read(&self, queued: usize) -> OutboxStats {
        let states = self.states();
        let state = match (&states.writing, &states.unreadable) {
            (StoreState::Ok, Some(error)) => StoreState::Unreadable(Arc::clone(error)),
            (writing, _) => writing.clone(),
        };
        drop(states);
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
