//! Comparing an outbox at rest with the map: its calls, its tables and its figures.

use std::collections::BTreeMap;

use soiree::EventId;
use soiree::store::{ListenerState, Parked, ParkedState, Position, Store};

use super::Medium;
use super::oracle::{Listener, State};
use super::script::{Call, LISTENERS, SPECS};
use super::world::World;

impl<M: Medium> World<M> {
    /// Whether everything is as it must be. The error says what is not.
    pub(crate) fn agrees(&mut self, calls: &[Call], late: i64) -> Result<(), String> {
        self.calls_agree(calls)?;
        // First: what a listener has found that left before the start is known from there alone, and counts in its figures.
        self.tables_agree(late, true)?;
        let running = self.running().outbox.listeners();
        for index in 0..LISTENERS {
            let listener = &self.oracle.listeners[index];
            if !listener.is_known {
                continue;
            }
            let info = running.iter().find(|info| *info.name == listener.name);
            let info = info.ok_or_else(|| format!("{} is not listed", listener.name))?;
            figures_agree(listener, info)?;
        }
        Ok(())
    }

    /// The calls since the last step: these, and those of a key in order.
    fn calls_agree(&self, wanted: &[Call]) -> Result<(), String> {
        let calls = self.script.lock().unwrap().calls.clone();
        let mut sorted = (calls.clone(), wanted.to_vec());
        sorted.0.sort();
        sorted.1.sort();
        if sorted.0 != sorted.1 {
            return Err(format!("the calls are {:?}, not {:?}", sorted.0, sorted.1));
        }
        let lanes = (self.lanes(&calls), self.lanes(wanted));
        if lanes.0 != lanes.1 {
            return Err(format!("the order is {:?}, not {:?}", lanes.0, lanes.1));
        }
        Ok(())
    }

    /// The calls of each listener that are ordered, by key.
    fn lanes(&self, calls: &[Call]) -> BTreeMap<(usize, char), Vec<u32>> {
        let mut lanes = BTreeMap::<_, Vec<u32>>::new();
        for call in calls.iter().filter(|call| SPECS[call.listener].ordered) {
            let mut events = self.oracle.events.values();
            let parts = events
                .find(|event| event.parts.number == call.number)
                .map(|event| event.parts);
            if let Some(parts) = parts.filter(|parts| parts.key != '-' && parts.kind != 'k') {
                let lane = lanes.entry((call.listener, parts.key)).or_default();
                lane.push(call.number);
            }
        }
        lanes
    }

    /// Whether the store has each event in the state that it must be in.
    pub(crate) fn tables_agree(&mut self, late: i64, is_running: bool) -> Result<(), String> {
        let outbox = self.running().outbox.clone();
        let positions: Vec<u64> = self.oracle.events.keys().copied().collect();
        for at in positions {
            if self.oracle.events[&at].is_swept {
                continue;
            }
            let states = outbox.store().states(Position(at));
            let states: BTreeMap<String, ListenerState> = states
                .map_err(|error| error.to_string())?
                .into_iter()
                .collect();
            for index in 0..LISTENERS {
                let listener = &self.oracle.listeners[index];
                let Some(state) = listener.states.get(&at).filter(|_| listener.is_known) else {
                    continue;
                };
                let table = states.get(&listener.name);
                let table = table.ok_or_else(|| format!("{} is unknown", listener.name))?;
                // That nobody has to handle it is written down with the next commit.
                let concerns = self.oracle.matches(index, self.oracle.events[&at].topic);
                let may_lag = is_running && !concerns;
                // While it leaves it may still pass what does not concern it.
                let is_open = listener.is_unsettled || !listener.is_subscribed && !concerns;
                let explained = || is_open.then(|| self.explained(index, at, *state, table));
                let agreed = agree(*state, table, late, may_lag).or_else(explained);
                let agreed = agreed.ok_or_else(|| {
                    let (name, event) = (&listener.name, &self.oracle.events[&at]);
                    format!("{event:?} at {at} is {table:?} for {name}, not {state:?}")
                })?;
                self.oracle.listeners[index].states.insert(at, agreed);
            }
        }
        Ok(())
    }

    /// Notes which events the store has removed.
    pub(crate) fn find_swept(&mut self) {
        let process = self.process.as_ref().expect("a process runs");
        let events: Vec<(u64, u32)> = self
            .oracle
            .events
            .iter()
            .filter(|(_, event)| !event.is_swept)
            .map(|(at, event)| (*at, event.parts.number))
            .collect();
        for (at, number) in events {
            let found = process.store.inner().find(id(number)).unwrap();
            if found.is_none_or(|found| found.position != Position(at)) {
                assert!(
                    self.oracle.may_be_swept(at),
                    "{:?} at {at} is gone",
                    self.oracle.events[&at]
                );
                self.oracle.swept(at);
            }
        }
    }
}

pub(crate) fn id(number: u32) -> EventId {
    EventId::from(u128::from(number))
}

/// The state as the table has it, if it is the same.
fn agree(state: State, table: &ListenerState, late: i64, may_lag: bool) -> Option<State> {
    match (state, table) {
        (State::Waiting, ListenerState::Waiting) | (State::Ended, ListenerState::Ended) => {
            Some(state)
        }
        (State::Ended, ListenerState::Waiting) => may_lag.then_some(state),
        (State::Dead { attempts }, ListenerState::Parked(parked)) => {
            (parked.state == ParkedState::Dead && parked.attempts == attempts).then_some(state)
        }
        (State::Pending(mut pending), ListenerState::Parked(parked)) => {
            if parked.state == ParkedState::Dead || parked.attempts != pending.attempts {
                return None;
            }
            if pending
                .crashes
                .replace(parked.crashes)
                .is_some_and(|c| c != parked.crashes)
            {
                return None;
            }
            if pending.is_fresh {
                pending.due = agreed_due(pending.due, parked, late)?;
            }
            Some(State::Pending(pending))
        }
        _ => None,
    }
}

/// The attempt may have failed before the end of the time that has passed.
fn agreed_due(latest: i64, parked: &Parked, late: i64) -> Option<i64> {
    let due = parked.due.0;
    (latest - late <= due && due <= latest).then_some(due)
}

/// D19: at rest, every event that there was for a listener is in exactly one place.
fn figures_agree(listener: &Listener, info: &soiree::DurableInfo) -> Result<(), String> {
    let states = listener.states.values();
    let pending = states
        .clone()
        .filter(|state| matches!(state, State::Waiting | State::Pending(_)))
        .count();
    let dead = states
        .filter(|state| matches!(state, State::Dead { .. }))
        .count();
    if info.dead_letters != dead as u64 {
        return Err(format!("{info:?} has not {dead} dead"));
    }
    if !listener.is_subscribed {
        return match info.is_orphan {
            true => Ok(()),
            false => Err(format!("{info:?} is no orphan")),
        };
    }
    let counts = &listener.counts;
    let shown = (info.done, info.skipped, info.failed, info.given_up);
    let wanted = (counts.done, counts.skipped, counts.failed, counts.given_up);
    let parked = info.retrying + info.behind + info.suspects;
    let rest = (info.waiting, info.in_flight, parked);
    if !info.is_held || shown != wanted || rest != (0, 0, pending) {
        return Err(format!("{info:?} is not {wanted:?} and {pending} parked"));
    }
    let sum = info.done + info.skipped + info.dead_letters + parked as u64 + counts.discarded;
    match sum == counts.taken {
        true => Ok(()),
        false => Err(format!("{info:?} are not {counts:?}")),
    }
}
