//! What a process finds that those before have left.

use std::collections::BTreeMap;

use soiree::store::{ListenerState, ParkedState, Position, Store};

use super::Medium;
use super::compare::id;
use super::oracle::{Pending, State, Stored};
use super::script::{Call, LISTENERS, SPECS};
use super::world::World;

impl<M: Medium> World<M> {
    /// After a clean close the store has what has happened. After a kill it may have less, but nothing that has not happened.
    pub(crate) fn adopt(&mut self) {
        self.find_unsure();
        self.find_swept();
        if !std::mem::take(&mut self.was_killed) {
            let agreed = self.tables_agree(0, false);
            agreed.expect("a clean close leaves everything as it is");
            return;
        }
        let positions: Vec<u64> = self.oracle.events.keys().copied().collect();
        for at in positions {
            let states = self.running().store.inner().states(Position(at)).unwrap();
            let states: BTreeMap<String, ListenerState> = states.into_iter().collect();
            for index in 0..LISTENERS {
                let listener = &self.oracle.listeners[index];
                if let Some(before) = listener.states.get(&at).filter(|_| listener.is_known) {
                    let table = &states[&listener.name];
                    let found = self.explained(index, at, *before, table);
                    self.oracle.listeners[index].states.insert(at, found);
                }
            }
        }
    }

    /// D1, D2: an emit that failed as the process ended may have stored its event.
    fn find_unsure(&mut self) {
        for unsure in std::mem::take(&mut self.unsure) {
            let found = self.running().store.inner().find(id(unsure.parts.number));
            if let Some(record) = found.unwrap() {
                let event = Stored {
                    topic: unsure.topic,
                    parts: unsure.parts,
                    emitted_at: record.event.emitted_at.0,
                    is_swept: false,
                };
                self.oracle.stored(record.position.0, event);
            }
        }
    }

    /// What the table says, which must follow from the calls that there were.
    pub(super) fn explained(
        &self,
        index: usize,
        at: u64,
        before: State,
        table: &ListenerState,
    ) -> State {
        let Stored { topic, parts, .. } = self.oracle.events[&at];
        let calls = self.past.iter();
        let calls = calls.filter(|call| (call.listener, call.number) == (index, parts.number));
        let (fine, failed): (Vec<&Call>, Vec<&Call>) = calls.partition(|call| call.is_fine);
        // An event that cannot be decoded fails without a call.
        let most = if parts.kind == 'u' { 100 } else { failed.len() };
        let (is_possible, found) = match table {
            ListenerState::Waiting => (
                before == State::Waiting || !self.oracle.matches(index, topic),
                State::Waiting,
            ),
            ListenerState::Ended => {
                let is_filtered = SPECS[index].filtered && parts.kind == 'f';
                let is_skipped = is_filtered || !self.oracle.matches(index, topic);
                let is_possible = before == State::Ended || is_skipped || !fine.is_empty();
                (is_possible, State::Ended)
            }
            ListenerState::Parked(parked) if parked.state == ParkedState::Dead => {
                let attempts = parked.attempts;
                let is_unusable = matches!(parts.kind, 'u' | 'k');
                let is_possible = matches!(before, State::Dead { .. })
                    || is_unusable
                    || parked.crashes >= 3
                    || attempts > 0;
                (
                    is_possible && attempts as usize <= most,
                    State::Dead { attempts },
                )
            }
            ListenerState::Parked(parked) => {
                let is_running = parked.state == ParkedState::Running;
                let starts_at_once = is_running || parked.state == ParkedState::Suspect;
                let pending = Pending {
                    attempts: parked.attempts,
                    due: if starts_at_once {
                        i64::MIN
                    } else {
                        parked.due.0
                    },
                    is_fresh: false,
                    crashes: Some(parked.crashes),
                    was_running: is_running,
                };
                let crashes = match before {
                    State::Pending(before) => before.crashes.unwrap_or(parked.crashes),
                    _ => parked.crashes,
                };
                let is_open = matches!(before, State::Waiting | State::Pending(_))
                    // The last process had no time to write down that it was dead.
                    || is_running && parked.crashes >= 2;
                // The last process may have had no time to write down that there was one more.
                let is_counted =
                    crashes == parked.crashes || is_running && crashes == parked.crashes + 1;
                (
                    is_open && is_counted && parked.attempts as usize <= most,
                    State::Pending(pending),
                )
            }
            other => panic!("{other:?} is no known state"),
        };
        assert!(
            is_possible,
            "{parts:?} on {topic} at {at} was {before:?} for {index}, and is {table:?}, after {fine:?} and {failed:?}"
        );
        found
    }
}
