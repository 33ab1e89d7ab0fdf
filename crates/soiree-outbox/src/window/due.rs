//! Parked events whose turn it is.

use soiree_core::store::{Millis, Parked, ParkedState, Position};

use super::{Active, Stage, Window};

impl Window {
    /// A parked event whose turn it is, if there is room. It starts once the marks that are taken next are committed: then call
    /// [`marked`](Self::marked).
    pub(crate) fn next_due(&mut self, now: Millis, tries_suspects: bool) -> Option<Position> {
        if !self.has_place() {
            return None;
        }
        let suspect = match tries_suspects {
            true => self.due_suspect(),
            false => None,
        };
        let position = suspect.or_else(|| self.due_retry(now))?;
        let mut parked = self.release_parked(position)?;
        match parked.state {
            ParkedState::Suspect => self.outcomes.after_crashes += 1,
            _ => self.outcomes.retried += u64::from(parked.attempts > 0),
        }
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

    /// The suspect that may be tried next, and how often it has ended the process.
    pub(crate) fn next_suspect(&self) -> Option<(u32, Position)> {
        if self.suspect_running.is_some() || !self.has_place() {
            return None;
        }
        let is_free = |(_, position): &&(u32, Position)| {
            let key = self
                .parked
                .get(position)
                .and_then(|parked| parked.key.as_ref());
            self.is_first(key, *position) && (key.is_none() || self.is_restored_up_to(*position))
        };
        self.suspects.iter().find(is_free).copied()
    }

    /// The suspect that is tried.
    pub(crate) fn suspect_running(&self) -> Option<Position> {
        self.suspect_running
    }

    fn due_suspect(&mut self) -> Option<Position> {
        let first = self.next_suspect()?;
        self.suspects.remove(&first);
        self.suspect_running = Some(first.1);
        Some(first.1)
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
            // One that was redriven meanwhile may come before it. If it was redriven itself, a later one may run: see `leave_lane`.
            if self.is_first(key, position) && !self.runs_one_of(key) {
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
            self.suspects.insert((active.crashes, position));
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
}
