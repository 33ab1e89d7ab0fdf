//! Taking over what a process before has left.

use std::time::Duration;

use soiree_core::OrderingKey;
use soiree_core::store::{Millis, Parked, ParkedState, Position};

use super::{MAX_CRASHES, Window};

impl Window {
    /// Takes over what was parked before this process claimed the listener. To be called in ascending order, before anything else.
    ///
    /// `longest_delay` is that of the listener's retry: a clock that was set back must not strand an event.
    pub(crate) fn restore(&mut self, mut parked: Parked, now: Millis, longest_delay: Duration) {
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
                self.suspects.insert((parked.crashes, parked.position));
            }
            _ => {}
        }
        self.enter_lane(parked.key.as_ref(), parked.position);
        if is_too_late {
            // Stored too: each restart would put it off again.
            self.park(parked);
        } else {
            self.hold_parked(parked);
        }
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
        if self.is_first(parked.key.as_ref(), position) {
            self.due.insert((parked.due, position));
        }
        self.hold_parked(parked);
    }
}
