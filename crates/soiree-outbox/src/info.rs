//! What can be seen of durable listeners.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::store::{ListenerState, Parked, Position, Record, StoreError};

/// How a durable listener stands. Returned by [`Outbox::listeners`](crate::Outbox::listeners).
///
/// At rest, every event that was stored since the listener's first start is in exactly one place:
/// `done + skipped + dead_letters + waiting + in_flight + retrying + behind + suspects`, where `done` and `skipped` count since this
/// process claimed it. Of a listener that this process does not deliver to, only what the store knows is here: `waiting`, `dead_letters`,
/// `floor`, and all that is parked and not dead as `retrying`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DurableInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Its pattern.
    pub pattern: Box<str>,
    /// Whether this process delivers to it.
    pub is_held: bool,
    /// Whether the store knows it, and no listener of this name is subscribed here.
    pub is_orphan: bool,
    /// Events of the log that it has not come to. Those that do not match its pattern are among them.
    pub waiting: u64,
    /// How long the first event in the log waits that it has come to, and that has not ended and is not parked. Wall-clock time, since it was
    /// emitted.
    pub oldest_waiting: Option<Duration>,
    /// Events that run, and events that wait in memory for one of their key.
    pub in_flight: usize,
    /// Events that wait for their next attempt.
    pub retrying: usize,
    /// Events that wait for an earlier one of their key, which is parked.
    pub behind: usize,
    /// Events that may have been running when the process ended, and are tried one by one: up to twice `in_flight` after each kill.
    pub suspects: usize,
    /// Events that nobody tries again until they are redriven, as the store has them.
    pub dead_letters: u64,
    /// Events handled since this process claimed it.
    pub done: u64,
    /// Events passed over since then: the pattern or the filter does not match.
    pub skipped: u64,
    /// Attempts that failed since then.
    pub failed: u64,
    /// Events that became dead since then.
    pub given_up: u64,
    /// Further attempts since then, after one that failed.
    pub retried: u64,
    /// Dead events since then that were redriven.
    pub redriven: u64,
    /// Events that were tried again since then, because they may have been running when the process ended.
    pub after_crashes: u64,
    /// All events up to here have ended or are parked.
    pub floor: Position,
    /// Why it gets no further events: its events cannot be read. They are read again each second.
    pub unreadable: Option<Arc<StoreError>>,
}

/// An event in the store, and how it stands with each durable listener. Returned by [`Outbox::event`](crate::Outbox::event).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EventStatus {
    /// The event, as it is stored.
    pub record: Record,
    /// The listeners, and their states. A listener whose pattern does not match ends it without being called.
    pub listeners: Vec<(String, ListenerState)>,
}

/// An event that a durable listener could not handle. Returned by [`Outbox::dead_letters`](crate::Outbox::dead_letters).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadEvent {
    /// The event, as it is stored.
    pub record: Record,
    /// How it was parked: attempts, the last error, and so on.
    pub parked: Parked,
}

/// What an outbox has found at its start. Returned by [`Outbox::start`](crate::Outbox::start). Displayed, it is one sentence.
///
/// A listener that was renamed in the program is in both lists: its old name keeps the events, and its new one does not get them. To bring
/// them together, call [`Outbox::remove_listener`](crate::Outbox::remove_listener) with the new name, which the store knows by now, and then
/// [`Outbox::rename_listener`](crate::Outbox::rename_listener): in the next run, before the listener is subscribed. What was handled under
/// the new name is handled again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StartReport {
    /// The names of listeners that the store keeps events for, and that are not subscribed here. See [`Orphans`](crate::Orphans).
    pub orphans: Vec<String>,
    /// The names of listeners that are subscribed here, and that the store did not know before. They get the events that
    /// [`start_from`](crate::OutboxBuilder::start_from) says.
    pub new: Vec<String>,
}

impl fmt::Display for StartReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (orphans, new) = (self.orphans.join(", "), self.new.join(", "));
        match (orphans.is_empty(), new.is_empty()) {
            (true, true) => f.write_str("every listener that the store knows is subscribed"),
            (true, false) => write!(f, "listeners that the store did not know: {new}"),
            (false, true) => write!(
                f,
                "listeners that the store keeps events for, and that are not subscribed: {orphans}"
            ),
            (false, false) => write!(
                f,
                "listeners that the store keeps events for, and that are not subscribed: {orphans}; listeners that it did not know: {new}; \
                 if one was renamed: before it is subscribed in the next run, call `remove_listener` with its new name, and `rename_listener`"
            ),
        }
    }
}
