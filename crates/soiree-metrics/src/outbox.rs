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
    pub refused: u64,
    /// Commits, failed ones included.
    pub commits: u64,
    /// How long they took together.
    pub commit_time: Duration,
    /// The durable listeners.
    pub listeners: Vec<DurableFigures>,
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
}

/// Reads the figures; `None` once the outbox is gone.
pub(crate) type OutboxSource = Arc<dyn Fn() -> Option<OutboxFigures> + Send + Sync>;
