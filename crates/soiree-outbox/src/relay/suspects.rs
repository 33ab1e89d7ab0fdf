//! Events that may have ended the process: one is tried at a time.

use std::time::Duration;

use soiree_core::store::{Millis, Position};

use super::{Relay, Trial};
use crate::listener::Number;

/// How long a suspect is the only one that runs. One that has not ended the process by then is slow or hangs, and the suspects of other
/// listeners do not wait for it any longer.
const ALONE: Duration = Duration::from_secs(10);

impl Relay {
    /// The listener that may try a suspect now. If those of several listeners ran at once, each crash would count against all of them, and an event
    /// that ended no process would be dead with those that do.
    pub(super) fn next_to_try(&mut self, now: Millis) -> Option<Number> {
        let listeners = &self.state.listeners;
        let is_tried = |trial: &Trial| {
            let listener = listeners.get(&trial.listener);
            let position = listener.and_then(|listener| listener.suspect_running());
            position == Some(trial.position) && now < trial.until
        };
        if self.state.trial.as_ref().is_some_and(is_tried) {
            return None;
        }
        self.state.trial = None;
        // In turns: a slow listener that lags behind has many, all of them before those of the others.
        let next = listeners.iter().filter_map(|(number, listener)| {
            let (crashes, position) = listener.next_suspect()?;
            Some((crashes, listener.last_trial, position, *number))
        });
        next.min().map(|(.., number)| number)
    }

    /// The listener has gone on. If it may try a suspect, and has one, that is tried from now on.
    pub(super) fn note_trial(&mut self, listener: Number, suspect: Option<Position>) {
        if self.state.tries != Some(listener) {
            return;
        }
        self.state.trial = suspect.map(|position| Trial {
            listener,
            position,
            until: self.clock.now().saturating_add(ALONE),
        });
        if suspect.is_some() {
            self.state.trials += 1;
            if let Some(tried) = self.state.listeners.get_mut(&listener) {
                tried.last_trial = self.state.trials;
            }
        }
    }
}
