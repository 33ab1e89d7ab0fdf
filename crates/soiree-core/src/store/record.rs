//! Events as they are stored.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::event_id::EventId;
use crate::ordering_key::OrderingKey;
use crate::properties::Properties;

/// A place in the log. Positions start at 1; [`Position::START`] is before all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Wall-clock time: milliseconds since the start of 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// The time that the system's clock shows.
    pub fn now() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Err(before) => Self(-i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// This time, and a duration more. Stops at the last time that can be represented.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This time, and a duration less. Stops at the first time that can be represented.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// How long it is from an earlier time to this one. Zero if that one is later.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

/// An event that is not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Its ID. A store keeps one event for each ID.
    pub id: EventId,
    /// Its topic.
    pub topic: Box<str>,
    /// The name of the codec that wrote the payload.
    pub codec: Box<str>,
    /// The payload, as the codec wrote it.
    pub payload: Vec<u8>,
    /// Its properties.
    pub properties: Properties,
    /// When it was emitted.
    pub emitted_at: Millis,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where in the log it is.
    pub position: Position,
    /// The event.
    pub event: NewRecord,
    /// What is wrong with its bytes, such as a checksum that does not match. `None` if they are what was stored.
    pub damage: Option<Box<str>>,
}

/// An event that a listener has not ended, and that its floor may pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    /// Where in the log the event is.
    pub position: Position,
    /// What it waits for.
    pub state: ParkedState,
    /// Attempts of the listener that have failed.
    pub attempts: u32,
    /// How often the process ended while the listener ran with it.
    pub crashes: u32,
    /// When the next attempt is due.
    pub due: Millis,
    /// The key that the listener's events are ordered by, if they are.
    pub key: Option<OrderingKey>,
    /// The last error, as text.
    pub error: Option<Box<str>>,
}

/// What a parked event waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ParkedState {
    /// Its next attempt.
    Retry,
    /// An earlier event of its key.
    Behind,
    /// The end of an attempt that runs. After a crash: it may have caused it.
    Running,
    /// Being tried alone: it was running when the process ended.
    Suspect,
    /// Somebody to redrive or discard it.
    Dead,
}

impl ParkedState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Retry,
        Self::Behind,
        Self::Running,
        Self::Suspect,
        Self::Dead,
    ];

    /// The state as a word, as stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Behind => "behind",
            Self::Running => "running",
            Self::Suspect => "suspect",
            Self::Dead => "dead",
        }
    }

    /// The state of this word, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for ParkedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an event stands with a listener.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ListenerState {
    /// Above the floor, without a mark: it has not been reached, or it is being handled.
    Waiting,
    /// It was handled or skipped.
    Ended,
    /// It is parked.
    Parked(Parked),
}
