//! The figures of an outbox, as plain data.

use std::sync::Arc;
use std::time::Duration;

/// The figures of an outbox at the moment of a scrape.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OutboxFigures {
    /// Whether events can be stored.
    pub state: OutboxState,
    /// Events in the store, ended ones included until they are swept.
    pub events: u64,
    /// Events that wait to be committed.
    pub queued: u64,
    /// Events stored.
    pub stored: u64,
    /// Events that were in the store before, with the same ID.
    pub duplicates: u64,
    /// Events that were not stored.
    pub rejected: RejectedFigures,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Bytes of its write-ahead log.
    pub wal_bytes: u64,
    /// How long commits took, in seconds, failed ones included.
    pub commit_seconds: HistogramFigures,
    /// How many events they had.
    pub commit_events: HistogramFigures,
    /// The durable listeners.
    pub listeners: Vec<DurableFigures>,
}

/// How many events were not stored, by the reason.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct RejectedFigures {
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

/// How values are distributed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HistogramFigures {
    /// For each upper bound, in ascending order, how many values are no larger, and larger than the bound before. The last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// Their sum.
    pub sum: f64,
}

/// Whether an outbox can store events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OutboxState {
    /// It can.
    #[default]
    Ok,
    /// The last commit failed, and the next one may succeed.
    Failing,
    /// It can, but its store cannot be read: listeners wait.
    Unreadable,
    /// The store failed for good.
    Failed,
}

/// The figures of a durable listener at the moment of a scrape.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DurableFigures {
    /// Its durable name.
    pub name: Arc<str>,
    /// Whether this process delivers to it.
    pub is_held: bool,
    /// Whether it is not subscribed in this process. Then only `waiting`, `dead_letters` and `retrying` are known, as the store has them.
    pub is_orphan: bool,
    /// Events that it has not come to.
    pub waiting: u64,
    /// How long the oldest event waits that has not ended and is not parked. Zero if there is none.
    pub oldest_waiting: Duration,
    /// Events that run, and events that wait in memory for one of their key.
    pub in_flight: u64,
    /// Events that wait for their next attempt.
    pub retrying: u64,
    /// Events that wait for an earlier one of their key.
    pub behind: u64,
    /// Events that were running when the process ended.
    pub suspects: u64,
    /// Dead events in the store.
    pub dead_letters: u64,
    /// Events handled.
    pub done: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events passed over: the pattern or the filter does not match.
    pub skipped: u64,
    /// Events that became dead.
    pub given_up: u64,
    /// Further attempts after one that failed.
    pub retried: u64,
    /// Dead events that were redriven.
    pub redriven: u64,
    /// Events that were tried again because they may have been running when the process ended.
    pub after_crashes: u64,
}
