//! What an outbox has done, in figures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use soiree_core::store::{Position, StoreError};
use soiree_engine::NotStored;

use crate::commit_queue::Rejected;
use crate::histogram::{Distribution, Histogram};

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
    /// Events that were not stored, by the reason.
    pub rejected: RejectedEvents,
    /// How long commits took, in seconds, failed ones included.
    pub commit_seconds: Histogram,
    /// How many events they had. Some have none: what listeners have done is committed as well.
    pub commit_events: Histogram,
}

/// How many events were not stored, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RejectedEvents {
    /// The outbox was closed.
    pub closed: u64,
    /// Another event with the same ID is stored.
    pub conflict: u64,
    /// The payload could not be written down.
    pub encode: u64,
    /// As many events as permitted were stored.
    pub full: u64,
    /// The topic is not durable.
    pub no_codec: u64,
    /// The outbox is strict, and no durable listener matched.
    pub no_listener: u64,
    /// As many events as permitted waited to be stored.
    pub queue_full: u64,
    /// The store failed.
    pub store: u64,
    /// The payload was larger than permitted.
    pub too_large: u64,
}

impl RejectedEvents {
    /// All together.
    pub fn total(&self) -> u64 {
        let Self {
            closed,
            conflict,
            encode,
            full,
            no_codec,
            no_listener,
            queue_full,
            store,
            too_large,
        } = self;
        closed + conflict + encode + full + no_codec + no_listener + queue_full + store + too_large
    }
}

/// Why an event was not stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reason {
    Closed,
    Conflict,
    Encode,
    Full,
    NoCodec,
    NoListener,
    QueueFull,
    Store,
    TooLarge,
}

impl Reason {
    const COUNT: usize = Self::TooLarge as usize + 1;

    pub(crate) fn of(why: &Rejected) -> Self {
        match why {
            Rejected::Closed => Self::Closed,
            Rejected::NotStored(error) => Self::of_error(error),
        }
    }

    pub(crate) fn of_error(error: &NotStored) -> Self {
        match error {
            NotStored::Conflict { .. } => Self::Conflict,
            NotStored::Encode { .. } | NotStored::Properties { .. } => Self::Encode,
            NotStored::Full { .. } => Self::Full,
            NotStored::NoCodec => Self::NoCodec,
            NotStored::NoListener => Self::NoListener,
            NotStored::QueueFull { .. } => Self::QueueFull,
            NotStored::TooLarge { .. } => Self::TooLarge,
            _ => Self::Store,
        }
    }
}

#[derive(Debug)]
pub(crate) struct StoreFigures {
    pub(crate) events: Gauge,
    stored: AtomicU64,
    duplicates: AtomicU64,
    rejected: [AtomicU64; Reason::COUNT],
    commit_nanos: Distribution<16>,
    commit_events: Distribution<10>,
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
            rejected: Default::default(),
            commit_nanos: Distribution::doubling(1e-4, 1e-9),
            commit_events: Distribution::doubling(1.0, 1.0),
            counted: AtomicU64::new(last.0),
            has_others: AtomicBool::new(false),
            states: Mutex::new(States {
                writing: StoreState::Ok,
                unreadable: None,
            }),
        }
    }

    pub(crate) fn committed(&self, events: usize, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.add(nanos);
        self.commit_events.add(events as u64);
    }

    pub(crate) fn stored(&self, events: u64) {
        self.stored.fetch_add(events, Relaxed);
    }

    /// The log ends here, or later.
    pub(crate) fn last(&self) -> Position {
        Position(self.counted.load(Relaxed))
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

    pub(crate) fn rejected(&self, reason: Reason, events: u64) {
        self.rejected[reason as usize].fetch_add(events, Relaxed);
    }

    /// Returns whether it was in another state.
    pub(crate) fn set_state(&self, state: StoreState) -> bool {
        let mut states = self.states();
        let before = std::mem::replace(&mut states.writing, state);
        std::mem::discriminant(&before) != std::mem::discriminant(&states.writing)
    }

    /// Returns whether that is so from now on.
    pub(crate) fn set_unreadable(&self, error: Option<Arc<StoreError>>) -> bool {
        let is_unreadable = error.is_some();
        let before = std::mem::replace(&mut self.states().unreadable, error);
        is_unreadable && before.is_none()
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_failing(&self) -> bool {
        !matches!(self.states().writing, StoreState::Ok)
    }

    fn rejected_events(&self) -> RejectedEvents {
        let of = |reason: Reason| self.rejected[reason as usize].load(Relaxed);
        RejectedEvents {
            closed: of(Reason::Closed),
            conflict: of(Reason::Conflict),
            encode: of(Reason::Encode),
            full: of(Reason::Full),
            no_codec: of(Reason::NoCodec),
            no_listener: of(Reason::NoListener),
            queue_full: of(Reason::QueueFull),
            store: of(Reason::Store),
            too_large: of(Reason::TooLarge),
        }
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
            rejected: self.rejected_events(),
            commit_seconds: self.commit_nanos.read(),
            commit_events: self.commit_events.read(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D12: as long as nobody else appends, a limit of stored events needs no further look into the store.
    #[test]
    fn events_beyond_our_own_are_those_of_others() {
        let figures = StoreFigures::new(2, Position(5));
        figures.count_up_to(Position(8), 3);
        assert!(!figures.has_others());
        // The relay has seen them as well.
        figures.count_up_to(Position(8), 0);
        assert!(!figures.has_others());
        figures.count_up_to(Position(10), 1);
        assert!(figures.has_others());
        assert_eq!(figures.last(), Position(10));
    }
}
