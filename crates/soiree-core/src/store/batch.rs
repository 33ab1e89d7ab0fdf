//! What is committed at once.

use super::claim::Term;
use super::record::{NewRecord, Parked, Position};

/// Events to append, and marks to make, in one transaction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch<'a> {
    /// Events to append, in order.
    pub appends: &'a [NewRecord],
    /// The progress of listeners: at most one entry for each.
    pub marks: &'a [Marks],
}

/// The progress of one listener since the batch before.
#[derive(Debug, Clone, PartialEq)]
pub struct Marks {
    /// The claim that allows them.
    pub term: Term,
    /// All events up to here have ended or are parked. Never moves back: a store ignores a lower one.
    pub floor: Option<Position>,
    /// All events up to here may have been started. Never moves back.
    pub begun: Option<Position>,
    /// Events that have ended. They are parked no longer; those above the floor are remembered one by one.
    pub ended: Vec<Position>,
    /// Events that are parked, or parked otherwise than before.
    pub parked: Vec<Parked>,
    /// Whether the listener stopped with nothing running. `false` once it starts again.
    pub clean: Option<bool>,
}

impl Marks {
    /// No progress.
    pub fn new(term: Term) -> Self {
        Self {
            term,
            floor: None,
            begun: None,
            ended: Vec::new(),
            parked: Vec::new(),
            clean: None,
        }
    }

    /// Whether there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.floor.is_none()
            && self.begun.is_none()
            && self.ended.is_empty()
            && self.parked.is_empty()
            && self.clean.is_none()
    }
}

/// What became of an event that was to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Appended {
    /// It is stored.
    New(Position),
    /// The same event was there before: the same ID, topic, codec and payload.
    Duplicate(Position),
    /// Another event with this ID was there before. This one is not stored.
    Conflict(Position),
}

impl Appended {
    /// Where the event with this ID is.
    pub fn position(self) -> Position {
        match self {
            Self::New(position) | Self::Duplicate(position) | Self::Conflict(position) => position,
        }
    }
}
