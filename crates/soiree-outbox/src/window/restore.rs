//! Taking over what a process before has left.

use std::time::Duration;

use soiree_core::OrderingKey;
use soiree_core::store::{Millis, Parked, ParkedState, Position};

use super::{MAX_CRASHES, Window};

impl Window {
    /// Takes over what was parked before this process claimed the listener: first what may have been running, then the others in ascending
    /// order.
    ///
    /// `longest_delay` is that of the listener's retry: a clock that was set back must not strand an event.
    pub(crate) fn restore(&mut self, mut parked: Parked, now: Millis, longest_delay: Duration) {
        let position = parked.position;
        if self.parked.contains_key(&position) || self.active.contains_key(&position) {
            return;
        }
        // No delay was asked for if no attempt has failed.
        let delay = match parked.attempts {
            0 => Duration::ZERO,
            _ => longest_delay,
        };
        let latest = now.saturating_add(delay);
        let is_too_late = parked.due > latest;
        if is_too_late {
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
                self.suspects.insert((parked.crashes, position));
            }
            _ => {}
        }
        self.enter_lane(parked.key.as_ref(), position);
        self.make_due_if_first(&parked);
        if is_too_late {
            // Stored too: each restart would put it off again.
            self.park(parked);
        } else {
            self.hold_parked(parked);
        }
    }

    fn make_due_if_first(&mut self, parked: &Parked) {
        let is_free = self.is_first(parked.key.as_ref(), parked.position);
        if is_free && parked.state != ParkedState::Suspect {
            self.due.insert((parked.due, parked.position));
        }
    }

    /// From where on parked events are still to be restored. `None` once all are here.
    pub(crate) fn unrestored(&self) -> Option<Position> {
        self.unrestored
    }

    /// All parked events up to here were restored; with `None`, all.
    pub(crate) fn set_unrestored(&mut self, after: Option<Position>) {
        self.unrestored = after;
    }

    /// Whether every parked event that comes before this one in the order of its key is here.
    pub(super) fn is_restored_up_to(&self, position: Position) -> bool {
        self.unrestored.is_none_or(|after| position <= after)
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

    pub(super) fn park_suspect(&mut self, mut parked: Parked) {
        let position = parked.position;
        if parked.crashes >= MAX_CRASHES {
            parked.state = ParkedState::Dead;
            let crashes = parked.crashes;
            parked.error = Some(format!("ended the process {crashes} times").into());
            self.outcomes.dead += 1;
            self.changed.insert(position, parked);
            return;
        }
        self.suspects.insert((parked.crashes, position));
        self.enter_lane(parked.key.as_ref(), position);
        self.park(parked);
    }

    /// A dead event is to be tried again.
    pub(crate) fn redriven(&mut self, parked: Parked) {
        let position = parked.position;
        if self.parked.contains_key(&position) || self.active.contains_key(&position) {
            return;
        }
        self.outcomes.redriven += 1;
        self.enter_lane(parked.key.as_ref(), position);
        self.make_due_if_first(&parked);
        self.hold_parked(parked);
    }
}
