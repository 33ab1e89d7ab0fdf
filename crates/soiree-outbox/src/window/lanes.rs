//! The order of events with the same key: only the first that has not ended may run.

use soiree_core::OrderingKey;
use soiree_core::store::{Millis, Parked, ParkedState, Position};

use super::{Active, Stage, Window};

impl Window {
    pub(super) fn enter_lane(&mut self, key: Option<&OrderingKey>, position: Position) {
        if let Some(key) = key {
            self.lanes.entry(key.clone()).or_default().insert(position);
        }
    }

    pub(super) fn is_first(&self, key: Option<&OrderingKey>, position: Position) -> bool {
        let lane = key.and_then(|key| self.lanes.get(key));
        lane.is_none_or(|lane| lane.first() == Some(&position))
    }

    pub(super) fn is_lane_parked(&self, key: Option<&OrderingKey>) -> bool {
        let lane = key.and_then(|key| self.lanes.get(key));
        lane.is_some_and(|lane| {
            lane.iter()
                .any(|position| self.parked.contains_key(position))
        })
    }

    /// Returns the event held in memory whose turn it is now.
    pub(super) fn leave_lane(
        &mut self,
        key: Option<&OrderingKey>,
        position: Position,
    ) -> Option<Position> {
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
        self.make_due(next);
        None
    }

    fn make_due(&mut self, position: Position) {
        let parked = self.parked.get(&position);
        if let Some(parked) = parked.filter(|parked| parked.state != ParkedState::Suspect) {
            self.due.insert((parked.due, position));
        }
    }

    /// An event of this key is parked to be retried. One that was redriven while it ran may come before it.
    pub(super) fn make_first_due(&mut self, key: Option<&OrderingKey>) {
        let lane = key.and_then(|key| self.lanes.get(key));
        if let Some(&first) = lane.and_then(|lane| lane.first()) {
            self.make_due(first);
        }
    }

    /// Whether an event of this key runs, or is about to.
    pub(super) fn runs_one_of(&self, key: Option<&OrderingKey>) -> bool {
        let runs = |active: &Active| active.stage != Stage::Held && active.key.as_ref() == key;
        key.is_some() && self.active.values().any(runs)
    }

    /// The events held in memory behind one that is parked are parked too: there is no telling how long it takes.
    pub(super) fn park_followers(
        &mut self,
        key: Option<&OrderingKey>,
        first: Position,
        now: Millis,
    ) {
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
}
