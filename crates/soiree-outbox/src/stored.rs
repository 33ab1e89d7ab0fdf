//! What became of an emit.

use soiree_core::EventId;
use soiree_core::store::{Appended, Position};
use soiree_engine::{Emission, EmitError};

/// An emit that was accepted. Returned by [`Outbox::emit`](crate::Outbox::emit).
#[derive(Debug)]
#[non_exhaustive]
pub struct Stored {
    /// Where and as what it is stored. `None` if its topic is not durable.
    pub event: Option<StoredEvent>,
    /// The emission to the ordinary listeners in this process. `None` for a duplicate, which they do not get, and if
    /// there are only durable ones. An error if they could not
    /// be called: the event is stored all the same, and durable listeners get it.
    pub local: Option<Result<Emission, EmitError>>,
}

/// A durable event, after it was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StoredEvent {
    /// Its ID.
    pub id: EventId,
    /// Where in the log it is.
    pub position: Position,
    /// The same event was stored before, with the same ID. This one was not.
    pub is_duplicate: bool,
}

impl StoredEvent {
    /// An event that was appended, or that was there before.
    pub fn new(id: EventId, appended: Appended) -> Self {
        Self {
            id,
            position: appended.position(),
            is_duplicate: matches!(appended, Appended::Duplicate(_)),
        }
    }
}

impl Stored {
    /// Where in the log the event is. `None` if its topic is not durable.
    pub fn position(&self) -> Option<Position> {
        self.event.map(|event| event.position)
    }

    /// Whether the same event was stored before.
    pub fn is_duplicate(&self) -> bool {
        self.event.is_some_and(|event| event.is_duplicate)
    }
}

impl Stored {
    /// The emission to the ordinary listeners. For a duplicate, one that calls nobody.
    pub(crate) fn into_emission(
        self,
        nobody: impl FnOnce() -> Result<Emission, EmitError>,
    ) -> Result<Emission, EmitError> {
        self.local.unwrap_or_else(nobody)
    }
}
