//! Which process handles the events of a durable listener.

use std::sync::Arc;

use super::record::Position;

/// A claim of a listener. Every claim has a higher number than the one before it, so that an owner that was overtaken can mark nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// The name of the listener.
    pub listener: Arc<str>,
    /// Which claim of it.
    pub number: u64,
}

/// What became of an attempt to claim a listener.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// This process handles its events now.
    Held(Term, Progress),
    /// Another process does.
    Elsewhere,
}

/// How far a listener has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// All events up to here have ended or are parked.
    pub floor: Position,
    /// All events up to here may have been started.
    pub begun: Position,
    /// Events above the floor that have ended, in ascending order.
    pub done: Vec<Position>,
    /// The owner before stopped with nothing running.
    pub clean: bool,
    /// The store did not know the listener before.
    pub is_new: bool,
}

/// Which events a new listener gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StartFrom {
    /// Those that are stored from now on.
    #[default]
    Now,
    /// All that are in the store.
    Oldest,
}

/// A durable listener, as a store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredListener {
    /// Its name.
    pub name: Arc<str>,
    /// The pattern that it was last claimed with.
    pub pattern: Box<str>,
    /// All events up to here have ended or are parked.
    pub floor: Position,
    /// How many events above the floor have ended.
    pub done: u64,
    /// How many events are parked and not dead.
    pub parked: u64,
    /// How many events are dead.
    pub dead: u64,
    /// How many events above the floor have not ended and are not parked.
    pub waiting: u64,
    /// The number of its last claim.
    pub term: u64,
}
