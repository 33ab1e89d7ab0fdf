//! The IDs of events.

use std::fmt;
use std::str::FromStr;

/// The ID of an event: 128 bits. A ULID by default; any `u128` works, such as the bits of a UUID.
///
/// Displayed as the 26 characters of a ULID. ULIDs sort by the time they were created.
///
/// ```
/// use soiree_core::EventId;
/// let id = EventId::new();
/// assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

/// A text that is not the 26 characters of an [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event ID: {0}")]
pub struct InvalidEventId(ulid::DecodeError);

impl EventId {
    /// A new ULID. Reads the clock and a random number generator.
    #[expect(
        clippy::new_without_default,
        reason = "a default should be the same every time"
    )]
    pub fn new() -> Self {
        Self(ulid::Ulid::new().0)
    }
}

impl From<u128> for EventId {
    fn from(bits: u128) -> Self {
        Self(bits)
    }
}

impl From<EventId> for u128 {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ulid::Ulid(self.0).fmt(f)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        ulid::Ulid::from_string(text)
            .map(|id| Self(id.0))
            .map_err(InvalidEventId)
    }
}
