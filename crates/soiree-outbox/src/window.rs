//! How far one durable listener has come: which of its events run, wait or are parked. Without threads, clocks and stores.

mod due;
mod lanes;
mod marks;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use soiree_core::OrderingKey;
use soiree_core::store::{Millis, Parked, ParkedState, Position, Progress};

/// How often the process may end while a listener runs with an event, before the event is dead.
const MAX_CRASHES: u32 = 3;
/// The most bytes of an error that are kept: thousands of events may be parked at once.
const MOST_ERROR: usize = 2_048;

/// The events of one listener that have not ended, and the marks that its store has not got yet.
#[derive(Debug)]
pub(crate) struct Window {
    limit: usize,
    max_parked: usize,
    /// Every event up to here has been looked at.
    cursor: Position,
    /// The floor that was marked last.
    floor: Position,
    active: BTreeMap<Position, Active>,
    /// The events of each key that have not ended and are not dead. Only the first of them may run.
    lanes: HashMap<OrderingKey, BTreeSet<Position>>,
    /// Not the dead ones.
    parked: BTreeMap<Position, Parked>,
    /// Parked events after this position that the store has from before the claim, and that are not here yet.
    unrestored: Option<Position>,
    /// How many of them are behind an earlier one.
    behind: usize,
    /// Parked events that no earlier one of their key holds up.
    due: BTreeSet<(Millis, Position)>,
    /// By crashes and position: one that has ended the process less often goes first, so that a crash that it did not cause counts against it
    /// no more often than against others.
    suspects: BTreeSet<(u32, Position)>,
    suspect_running: Option<Position>,
    ended: BTreeMap<Position, bool>,
    changed: BTreeMap<Position, Parked>,
    pub(crate) outcomes: Outcomes,
}

/// What became of events, since the listener was claimed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) done: u64,
    pub(crate) skipped: u64,
    /// Attempts that failed.
    pub(crate) failed: u64,
    pub(crate) dead: u64,
    /// Further attempts after one that failed.
    pub(crate) retried: u64,
    pub(crate) redriven: u64,
    /// Suspects that were tried again.
    pub(crate) after_crashes: u64,
}

/// How many events are parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ParkedCounts {
    pub(crate) retrying: usize,
    pub(crate) behind: usize,
    pub(crate) suspects: usize,
}

/// An event that runs, or is about to.
#[derive(Debug)]
struct Active {
    stage: Stage,
    key: Option<OrderingKey>,
    attempts: u32,
    crashes: u32,
    /// Whether the store has it as parked, so that it does not hold up the floor.
    is_parked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// Behind an earlier event of its key that runs.
    Held,
    /// The store has still to learn that it runs.
    Marking,
}

/// What to do with an event that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// Deliver it now.
    Start,
    /// Keep it until an earlier event of its key has ended.
    Held,
    /// It is parked behind an earlier one.
    Behind,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The filter said no.
    Skipped,
    /// It failed with this error, and is tried again after this delay, if there is one.
    Failed(Box<str>, Option<Duration>),
    /// The listener was not called.
    NotCalled,
}

impl Window {
    pub(crate) fn new(limit: usize, max_parked: usize, progress: &Progress) -> Self {
        Self {
            limit,
            max_parked,
            cursor: progress.floor,
            floor: progress.floor,
            active: BTreeMap::new(),
            lanes: HashMap::new(),
            parked: BTreeMap::new(),
            unrestored: None,
            behind: 0,
            due: BTreeSet::new(),
            suspects: BTreeSet::new(),
            suspect_running: None,
            ended: BTreeMap::new(),
            changed: BTreeMap::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// Whether there is room to look at a further event.
    pub(crate) fn has_room(&self) -> bool {
        // One of its key may be among those that are not here yet.
        self.has_place() && self.parked.len() < self.max_parked && self.unrestored.is_none()
    }

    /// Whether a further event may run.
    pub(crate) fn has_place(&self) -> bool {
        self.active.len() < self.limit
    }

    /// How many more parked events may be read from the store. One that is tried again keeps its place, for it may fail. Suspects have
    /// places of their own: they must not keep out an event that is before one of them in the order of a key.
    pub(crate) fn places_to_park(&self) -> usize {
        let running = self.active.values().filter(|active| active.is_parked);
        let taken = self.parked.len() - self.suspects.len() + running.count();
        self.max_parked.saturating_sub(taken)
    }

    /// How many events may run at once.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn cursor(&self) -> Position {
        self.cursor
    }

    /// How many events run, or are kept in memory to run.
    pub(crate) fn in_flight(&self) -> usize {
        self.active.len()
    }

    /// How many events are parked, the dead ones left out: they are the store's alone.
    pub(crate) fn parked(&self) -> ParkedCounts {
        let (behind, suspects) = (self.behind, self.suspects.len());
        ParkedCounts {
            retrying: self.parked.len() - behind - suspects,
            behind,
            suspects,
        }
    }

    fn looked_at(&mut self, position: Position) {
        debug_assert!(position > self.cursor, "events are looked at in order");
        self.cursor = self.cursor.max(position);
    }

    /// The event does not concern the listener, or has ended before.
    pub(crate) fn pass(&mut self, position: Position, is_skipped: bool) {
        self.looked_at(position);
        self.outcomes.skipped += u64::from(is_skipped);
    }

    /// The event cannot be delivered, ever.
    pub(crate) fn bury(&mut self, position: Position, error: impl Into<Box<str>>, now: Millis) {
        self.looked_at(position);
        self.outcomes.dead += 1;
        let dead = Parked {
            position,
            state: ParkedState::Dead,
            attempts: 0,
            crashes: 0,
            due: now,
            key: None,
            error: Some(kept(error.into())),
        };
        self.changed.insert(position, dead);
    }

    /// The next event of the listener. Its key is that of the listener's order.
    pub(crate) fn admit(
        &mut self,
        position: Position,
        key: Option<OrderingKey>,
        now: Millis,
    ) -> Admitted {
        self.looked_at(position);
        self.enter_lane(key.as_ref(), position);
        let is_first = self.is_first(key.as_ref(), position);
        if !is_first && self.is_lane_parked(key.as_ref()) {
            self.park(Parked {
                position,
                state: ParkedState::Behind,
                attempts: 0,
                crashes: 0,
                due: now,
                key,
                error: None,
            });
            return Admitted::Behind;
        }
        let (stage, admitted) = if is_first {
            (Stage::Running, Admitted::Start)
        } else {
            (Stage::Held, Admitted::Held)
        };
        let active = Active {
            stage,
            key,
            attempts: 0,
            crashes: 0,
            is_parked: false,
        };
        self.active.insert(position, active);
        admitted
    }

    /// How many attempts of this event have failed.
    pub(crate) fn attempts(&self, position: Position) -> u32 {
        self.active
            .get(&position)
            .map_or(0, |active| active.attempts)
    }

    /// An attempt has ended. Returns the event that may start now: one that was held behind it.
    pub(crate) fn end(
        &mut self,
        position: Position,
        outcome: Outcome,
        now: Millis,
    ) -> Option<Position> {
        let active = self.active.remove(&position)?;
        if self.suspect_running == Some(position) {
            self.suspect_running = None;
        }
        let error_and_delay = match outcome {
            Outcome::Done => {
                self.outcomes.done += 1;
                None
            }
            Outcome::Skipped => {
                self.outcomes.skipped += 1;
                None
            }
            Outcome::Failed(error, delay) => {
                self.outcomes.failed += 1;
                Some((active.attempts + 1, Some(kept(error)), delay))
            }
            Outcome::NotCalled => Some((active.attempts, None, Some(Duration::from_millis(50)))),
        };
        let Some((attempts, error, delay)) = error_and_delay else {
            self.changed.remove(&position);
            self.ended.insert(position, active.is_parked);
            return self.leave_lane(active.key.as_ref(), position);
        };
        let mut parked = Parked {
            position,
            state: ParkedState::Retry,
            attempts,
            crashes: active.crashes,
            due: now.saturating_add(delay.unwrap_or_default()),
            key: active.key,
            error,
        };
        if delay.is_none() {
            parked.state = ParkedState::Dead;
            self.outcomes.dead += 1;
            let key = parked.key.clone();
            self.changed.insert(position, parked);
            return self.leave_lane(key.as_ref(), position);
        }
        self.park_followers(parked.key.as_ref(), position, now);
        self.due.insert((parked.due, position));
        let key = parked.key.clone();
        self.park(parked);
        self.make_first_due(key.as_ref());
        None
    }

    fn park(&mut self, parked: Parked) {
        self.changed.insert(parked.position, parked.clone());
        self.hold_parked(parked);
    }

    fn hold_parked(&mut self, parked: Parked) {
        self.behind += usize::from(parked.state == ParkedState::Behind);
        self.parked.insert(parked.position, parked);
    }

    fn release_parked(&mut self, position: Position) -> Option<Parked> {
        let parked = self.parked.remove(&position)?;
        self.behind -= usize::from(parked.state == ParkedState::Behind);
        Some(parked)
    }

    /// Whether an event is kept in memory to run. The others that were held are parked.
    pub(crate) fn is_active(&self, position: Position) -> bool {
        self.active.contains_key(&position)
    }
}

/// The start of an error that is too long.
fn kept(error: Box<str>) -> Box<str> {
    if error.len() <= MOST_ERROR {
        return error;
    }
    let mut end = MOST_ERROR;
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… [{} bytes in all]", &error[..end], error.len()).into()
}
