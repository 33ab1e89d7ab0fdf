//! How far one durable listener has come: which of its events run, wait or are parked. Without threads, clocks and stores.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use soiree_core::OrderingKey;
use soiree_core::store::{Marks, Millis, Parked, ParkedState, Position, Progress, Term};

/// How often the process may end while a listener runs with an event, before the event is dead.
const MAX_CRASHES: u32 = 3;

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
    /// Parked events that no earlier one of their key holds up.
    due: BTreeSet<(Millis, Position)>,
    suspects: BTreeSet<Position>,
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
            due: BTreeSet::new(),
            suspects: BTreeSet::new(),
            suspect_running: None,
            ended: BTreeMap::new(),
            changed: BTreeMap::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// Takes over what was parked before this process claimed the listener. To be called in ascending order, before anything else.
    ///
    /// `longest_delay` is that of the listener's retry: a clock that was set back must not strand an event.
    pub(crate) fn restore(&mut self, mut parked: Parked, now: Millis, longest_delay: Duration) {
        let latest = now.saturating_add(longest_delay);
        if parked.due > latest {
            parked.due = latest;
        }
        match parked.state {
            ParkedState::Dead => return,
            ParkedState::Running => {
                parked.crashes += 1;
                parked.state = ParkedState::Suspect;
                self.park_suspect(parked);
                return;
            }
            ParkedState::Suspect => {
                self.suspects.insert(parked.position);
            }
            _ => {}
        }
        self.enter_lane(parked.key.as_ref(), parked.position);
        self.parked.insert(parked.position, parked);
    }

    /// To be called after everything was restored: the events that nothing holds up are due.
    pub(crate) fn restored(&mut self) {
        let free: Vec<(Millis, Position)> = self
            .parked
            .values()
            .filter(|parked| parked.state != ParkedState::Suspect)
            .filter(|parked| self.is_first(parked.key.as_ref(), parked.position))
            .map(|parked| (parked.due, parked.position))
            .collect();
        self.due.extend(free);
    }

    /// Parks an event that may have been running when the process ended. Its position is looked at.
    pub(crate) fn suspect(&mut self, position: Position, key: Option<OrderingKey>, now: Millis) {
        self.looked_at(position);
        self.park_suspect(Parked {
            position,
            state: ParkedState::Suspect,
            attempts: 0,
            crashes: 1,
            due: now,
            key,
            error: None,
        });
    }

    fn park_suspect(&mut self, mut parked: Parked) {
        let position = parked.position;
        if parked.crashes >= MAX_CRASHES {
            parked.state = ParkedState::Dead;
            let crashes = parked.crashes;
            parked.error = Some(format!("ended the process {crashes} times").into());
            self.outcomes.dead += 1;
            self.changed.insert(position, parked);
            return;
        }
        self.suspects.insert(position);
        self.enter_lane(parked.key.as_ref(), position);
        self.changed.insert(position, parked.clone());
        self.parked.insert(position, parked);
    }

    /// Whether there is room to look at a further event.
    pub(crate) fn has_room(&self) -> bool {
        self.active.len() < self.limit && self.parked.len() < self.max_parked
    }

    pub(crate) fn cursor(&self) -> Position {
        self.cursor
    }

    /// How many events run, or are kept in memory to run.
    pub(crate) fn in_flight(&self) -> usize {
        self.active.len()
    }

    /// How many events are parked in each state. Dead ones are the store's alone.
    pub(crate) fn parked_in(&self, state: ParkedState) -> usize {
        self.parked
            .values()
            .filter(|parked| parked.state == state)
            .count()
    }

    pub(crate) fn parked_len(&self) -> usize {
        self.parked.len()
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
            error: Some(error.into()),
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

    /// A parked event whose turn it is, if there is room. It starts once the marks that are taken next are committed: then call
    /// [`marked`](Self::marked).
    pub(crate) fn next_due(&mut self, now: Millis) -> Option<Position> {
        if self.active.len() >= self.limit {
            return None;
        }
        let position = self.due_suspect().or_else(|| self.due_retry(now))?;
        let mut parked = self.parked.remove(&position)?;
        let active = Active {
            stage: Stage::Marking,
            key: parked.key.clone(),
            attempts: parked.attempts,
            crashes: parked.crashes,
            is_parked: true,
        };
        self.active.insert(position, active);
        parked.state = ParkedState::Running;
        self.changed.insert(position, parked);
        Some(position)
    }

    fn due_suspect(&mut self) -> Option<Position> {
        if self.suspect_running.is_some() {
            return None;
        }
        let is_free = |position: &&Position| {
            let key = self
                .parked
                .get(*position)
                .and_then(|parked| parked.key.as_ref());
            self.is_first(key, **position)
        };
        let first = self.suspects.iter().find(is_free).copied()?;
        self.suspects.remove(&first);
        self.suspect_running = Some(first);
        Some(first)
    }

    fn due_retry(&mut self, now: Millis) -> Option<Position> {
        loop {
            let &(due, position) = self.due.first()?;
            if due > now {
                return None;
            }
            self.due.pop_first();
            let key = self
                .parked
                .get(&position)
                .and_then(|parked| parked.key.as_ref());
            // One that was redriven meanwhile may come before it.
            if self.is_first(key, position) {
                return Some(position);
            }
        }
    }

    /// When the next parked event is due.
    pub(crate) fn earliest_due(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The store knows that the event runs.
    pub(crate) fn marked(&mut self, position: Position) {
        if let Some(active) = self.active.get_mut(&position) {
            active.stage = Stage::Running;
        }
    }

    /// The event does not start after all.
    pub(crate) fn withdraw(&mut self, position: Position, now: Millis) {
        let Some(active) = self.active.remove(&position) else {
            return;
        };
        if self.suspect_running == Some(position) {
            self.suspect_running = None;
        }
        let is_suspect = active.crashes > 0;
        let state = if is_suspect {
            self.suspects.insert(position);
            ParkedState::Suspect
        } else {
            self.due.insert((now, position));
            ParkedState::Retry
        };
        self.park(Parked {
            position,
            state,
            attempts: active.attempts,
            crashes: active.crashes,
            due: now,
            key: active.key,
            error: None,
        });
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
                Some((active.attempts + 1, Some(error), delay))
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
        self.park(parked);
        None
    }

    fn park(&mut self, parked: Parked) {
        self.changed.insert(parked.position, parked.clone());
        self.parked.insert(parked.position, parked);
    }

    /// The events held in memory behind one that is parked are parked too: there is no telling how long it takes.
    fn park_followers(&mut self, key: Option<&OrderingKey>, first: Position, now: Millis) {
        let Some(lane) = key.and_then(|key| self.lanes.get(key)) else {
            return;
        };
        let is_held = |position: &Position| {
            let active = self.active.get(position);
            active.is_some_and(|active| active.stage == Stage::Held)
        };
        let held: Vec<Position> = lane
            .range(first.next()..)
            .copied()
            .filter(is_held)
            .collect();
        for position in held {
            self.active.remove(&position);
            self.park(Parked {
                position,
                state: ParkedState::Behind,
                attempts: 0,
                crashes: 0,
                due: now,
                key: key.cloned(),
                error: None,
            });
        }
    }

    /// Whether an event is kept in memory to run. The others that were held are parked.
    pub(crate) fn is_active(&self, position: Position) -> bool {
        self.active.contains_key(&position)
    }

    /// A dead event is to be tried again.
    pub(crate) fn redriven(&mut self, parked: Parked) {
        let position = parked.position;
        if self.parked.contains_key(&position) || self.active.contains_key(&position) {
            return;
        }
        self.enter_lane(parked.key.as_ref(), position);
        if self.is_first(parked.key.as_ref(), position) {
            self.due.insert((parked.due, position));
        }
        self.parked.insert(position, parked);
    }

    /// What the store has still to learn. `None` if there is nothing.
    pub(crate) fn take_marks(&mut self, term: &Term) -> Option<Marks> {
        let floor = self.floor_now();
        let moved = (floor > self.floor).then_some(floor);
        self.floor = self.floor.max(floor);
        let mut marks = Marks::new(term.clone());
        marks.floor = moved;
        let ended = std::mem::take(&mut self.ended);
        marks.ended = ended
            .into_iter()
            .filter(|(position, was_parked)| *was_parked || *position > self.floor)
            .map(|(position, _)| position)
            .collect();
        marks.parked = std::mem::take(&mut self.changed).into_values().collect();
        (!marks.is_empty()).then_some(marks)
    }

    /// Whether marks wait that should not wait for an append to go with.
    pub(crate) fn has_urgent_marks(&self) -> bool {
        !self.ended.is_empty() || !self.changed.is_empty()
    }

    /// All events up to here have ended or are parked.
    pub(crate) fn floor_now(&self) -> Position {
        let mut holding = self
            .active
            .iter()
            .filter(|(_, active)| !active.is_parked)
            .map(|(position, _)| *position);
        match holding.next() {
            Some(first) => Position(first.0 - 1),
            None => self.cursor,
        }
    }

    fn enter_lane(&mut self, key: Option<&OrderingKey>, position: Position) {
        if let Some(key) = key {
            self.lanes.entry(key.clone()).or_default().insert(position);
        }
    }

    fn is_first(&self, key: Option<&OrderingKey>, position: Position) -> bool {
        let lane = key.and_then(|key| self.lanes.get(key));
        lane.is_none_or(|lane| lane.first() == Some(&position))
    }

    fn is_lane_parked(&self, key: Option<&OrderingKey>) -> bool {
        let lane = key.and_then(|key| self.lanes.get(key));
        lane.is_some_and(|lane| {
            lane.iter()
                .any(|position| self.parked.contains_key(position))
        })
    }

    /// Returns the event held in memory whose turn it is now.
    fn leave_lane(&mut self, key: Option<&OrderingKey>, position: Position) -> Option<Position> {
        let lane = self.lanes.get_mut(key?)?;
        lane.remove(&position);
        let Some(&next) = lane.first() else {
            self.lanes.remove(key?);
            return None;
        };
        if let Some(active) = self.active.get_mut(&next) {
            if active.stage != Stage::Held {
                return None;
            }
            active.stage = Stage::Running;
            return Some(next);
        }
        let parked = self.parked.get(&next)?;
        if parked.state != ParkedState::Suspect {
            self.due.insert((parked.due, next));
        }
        None
    }
}
