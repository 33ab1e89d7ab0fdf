//! How far a listener of a `MemoryStore` has come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use soiree_core::store::{
    ListenerState, Marks, Millis, Parked, ParkedState, Position, Progress, StoredListener,
};

pub(super) struct Listener {
    pub(super) term: u64,
    /// Terms up to here belong to processes that have ended.
    pub(super) fenced_up_to: u64,
    /// The process that has claimed it.
    pub(super) holder: Option<u64>,
    pub(super) parked: BTreeMap<Position, Parked>,
    pattern: Box<str>,
    floor: Position,
    begun: Position,
    done: BTreeSet<Position>,
    clean: bool,
}

impl Listener {
    pub(super) fn new(from: Position) -> Self {
        Self {
            term: 0,
            fenced_up_to: 0,
            holder: None,
            parked: BTreeMap::new(),
            pattern: "".into(),
            floor: from,
            begun: from,
            done: BTreeSet::new(),
            clean: true,
        }
    }

    /// Returns the number of the term, and the progress as the owner before has left it.
    pub(super) fn claim(&mut self, process: u64, pattern: &str, is_new: bool) -> (u64, Progress) {
        let progress = Progress {
            floor: self.floor,
            begun: self.begun,
            done: self.done.iter().copied().collect(),
            clean: self.clean,
            is_new,
        };
        self.term += 1;
        self.holder = Some(process);
        self.pattern = pattern.into();
        self.clean = false;
        (self.term, progress)
    }

    pub(super) fn permits(&self, term: u64) -> bool {
        term == self.term && term > self.fenced_up_to
    }

    pub(super) fn is_held(&self, process: u64, term: u64) -> bool {
        self.holder == Some(process) && self.term == term
    }

    pub(super) fn mark(&mut self, marks: &Marks) {
        for parked in &marks.parked {
            self.parked.insert(parked.position, parked.clone());
        }
        if let Some(floor) = marks.floor {
            self.floor = self.floor.max(floor);
        }
        for position in &marks.ended {
            self.end(*position);
        }
        let above = self.done.split_off(&self.floor.next());
        self.done = above;
        if let Some(begun) = marks.begun {
            self.begun = self.begun.max(begun);
        }
        if let Some(clean) = marks.clean {
            self.clean = clean;
        }
    }

    fn end(&mut self, position: Position) {
        self.parked.remove(&position);
        if position > self.floor {
            self.done.insert(position);
        }
    }

    pub(super) fn redrive(&mut self, at: &[Position], now: Millis) -> Vec<Position> {
        let dead = self.dead(at);
        for position in &dead {
            if let Some(parked) = self.parked.get_mut(position) {
                parked.state = ParkedState::Retry;
                parked.attempts = 0;
                parked.crashes = 0;
                parked.due = now;
            }
        }
        dead
    }

    pub(super) fn discard(&mut self, at: &[Position]) -> Vec<Position> {
        let dead = self.dead(at);
        for position in &dead {
            self.end(*position);
        }
        dead
    }

    /// Those of the positions that are dead, in ascending order.
    fn dead(&self, at: &[Position]) -> Vec<Position> {
        let at: BTreeSet<Position> = at.iter().copied().collect();
        let is_dead = |position: &Position| {
            let parked = self.parked.get(position);
            parked.is_some_and(|parked| parked.state == ParkedState::Dead)
        };
        at.into_iter().filter(is_dead).collect()
    }

    pub(super) fn state(&self, at: Position) -> ListenerState {
        match self.parked.get(&at) {
            Some(parked) => ListenerState::Parked(parked.clone()),
            None if at <= self.floor || self.done.contains(&at) => ListenerState::Ended,
            None => ListenerState::Waiting,
        }
    }

    pub(super) fn describe(&self, name: &Arc<str>, last: Position) -> StoredListener {
        let dead = self.parked.values();
        let dead = dead.filter(|parked| parked.state == ParkedState::Dead);
        let dead = dead.count() as u64;
        let parked_above = self.parked.range(self.floor.next()..).count() as u64;
        let done = self.done.len() as u64;
        StoredListener {
            name: Arc::clone(name),
            pattern: self.pattern.clone(),
            floor: self.floor,
            done,
            parked: self.parked.len() as u64 - dead,
            dead,
            waiting: last.0.saturating_sub(self.floor.0 + done + parked_above),
            term: self.term,
        }
    }
}
