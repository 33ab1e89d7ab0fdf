//! A simple model of a store: what each call should do.

use std::collections::{BTreeMap, BTreeSet};

use soiree_core::store::{
    Appended, ListenerState, Marks, Millis, NewRecord, Parked, ParkedState, Position, Progress,
    StoredListener, Term,
};

pub(super) const NAMES: [&str; 3] = ["ledger", "mail", "search"];

#[derive(Default)]
pub(super) struct Model {
    /// Every position that was ever given, in order.
    pub(super) given: Vec<Position>,
    pub(super) events: BTreeMap<Position, NewRecord>,
    pub(super) listeners: BTreeMap<&'static str, ModelListener>,
}

pub(super) struct ModelListener {
    /// Its claims so far, the last one at the end.
    pub(super) terms: Vec<Term>,
    pub(super) is_claimed: bool,
    pub(super) floor: Position,
    begun: Position,
    /// Whatever has ever ended.
    ended: BTreeSet<Position>,
    pub(super) parked: BTreeMap<Position, Parked>,
    clean: bool,
}

impl Model {
    pub(super) fn last(&self) -> Position {
        self.given.last().copied().unwrap_or_default()
    }

    /// The position that was given last, for 0, or one before it.
    pub(super) fn nth(&self, nth: usize) -> Position {
        self.given
            .iter()
            .rev()
            .nth(nth)
            .copied()
            .unwrap_or_default()
    }

    /// What a store that answers with `appended` has made of the event. `None` if that is wrong.
    pub(super) fn append(&mut self, event: &NewRecord, appended: Appended) -> Option<()> {
        let known = self.events.values().position(|known| known.id == event.id);
        let Some(known) = known else {
            let Appended::New(position) = appended else {
                return None;
            };
            if position <= self.last() {
                return None;
            }
            self.given.push(position);
            self.events.insert(position, event.clone());
            return Some(());
        };
        let (position, known) = self.events.iter().nth(known)?;
        let expected = match known.payload == event.payload {
            true => Appended::Duplicate(*position),
            false => Appended::Conflict(*position),
        };
        (appended == expected).then_some(())
    }

    /// The progress that a claim should return.
    pub(super) fn claim(&mut self, name: &'static str, oldest: bool) -> Progress {
        let is_new = !self.listeners.contains_key(name);
        let from = match oldest {
            true => Position::START,
            false => self.last(),
        };
        let listener = self.listeners.entry(name);
        let listener = listener.or_insert_with(|| ModelListener {
            terms: Vec::new(),
            is_claimed: false,
            floor: from,
            begun: from,
            ended: BTreeSet::new(),
            parked: BTreeMap::new(),
            clean: true,
        });
        let progress = Progress {
            floor: listener.floor,
            begun: listener.begun,
            done: listener.done(),
            clean: listener.clean,
            is_new,
        };
        listener.is_claimed = true;
        listener.clean = false;
        progress
    }

    pub(super) fn is_claimed(&self, name: &str) -> bool {
        let listener = self.listeners.get(name);
        listener.is_some_and(|listener| listener.is_claimed)
    }

    /// Those of the positions that are dead for the listener.
    pub(super) fn dead(&self, name: &str, at: &[Position]) -> Vec<Position> {
        let Some(listener) = self.listeners.get(name) else {
            return Vec::new();
        };
        let at: BTreeSet<Position> = at.iter().copied().collect();
        let dead = at.into_iter().filter(|position| {
            let parked = listener.parked.get(position);
            parked.is_some_and(|parked| parked.state == ParkedState::Dead)
        });
        dead.collect()
    }

    pub(super) fn redrive(&mut self, name: &str, at: &[Position], now: Millis) {
        let dead = self.dead(name, at);
        let listener = self.listeners.get_mut(name);
        for parked in listener.into_iter().flat_map(|it| it.parked.values_mut()) {
            if dead.contains(&parked.position) {
                parked.state = ParkedState::Retry;
                parked.attempts = 0;
                parked.due = now;
            }
        }
    }

    pub(super) fn discard(&mut self, name: &str, at: &[Position]) {
        let dead = self.dead(name, at);
        if let Some(listener) = self.listeners.get_mut(name) {
            dead.into_iter().for_each(|position| listener.end(position));
        }
    }

    /// Whether a sweep of all events that were emitted before this time may remove the event.
    pub(super) fn may_go(&self, position: Position, before: Millis) -> bool {
        let event = self.events.get(&position);
        let mut listeners = self.listeners.values();
        event.is_some_and(|event| event.emitted_at < before)
            && listeners.all(|listener| listener.state(position) == ListenerState::Ended)
    }
}

impl ModelListener {
    pub(super) fn mark(&mut self, marks: &Marks) {
        self.floor = self.floor.max(marks.floor.unwrap_or_default());
        self.begun = self.begun.max(marks.begun.unwrap_or_default());
        self.clean = marks.clean.unwrap_or(self.clean);
        for parked in &marks.parked {
            self.parked.insert(parked.position, parked.clone());
        }
        marks.ended.iter().for_each(|position| self.end(*position));
    }

    fn end(&mut self, position: Position) {
        self.parked.remove(&position);
        self.ended.insert(position);
    }

    /// Those above the floor that have ended.
    fn done(&self) -> Vec<Position> {
        let ended = self.ended.iter().copied();
        ended.filter(|position| *position > self.floor).collect()
    }

    pub(super) fn state(&self, at: Position) -> ListenerState {
        match self.parked.get(&at) {
            Some(parked) => ListenerState::Parked(parked.clone()),
            None if at <= self.floor || self.ended.contains(&at) => ListenerState::Ended,
            None => ListenerState::Waiting,
        }
    }

    pub(super) fn describe(&self, name: &str, given: &[Position]) -> StoredListener {
        let dead = self.parked.values();
        let dead = dead.filter(|parked| parked.state == ParkedState::Dead);
        let dead = dead.count();
        let waits = |at: &&Position| self.state(**at) == ListenerState::Waiting;
        StoredListener {
            name: name.into(),
            pattern: "order.*".into(),
            floor: self.floor,
            done: self.done().len() as u64,
            parked: (self.parked.len() - dead) as u64,
            dead: dead as u64,
            waiting: given.iter().filter(waits).count() as u64,
            term: self.terms.last().map_or(0, |term| term.number),
        }
    }
}
