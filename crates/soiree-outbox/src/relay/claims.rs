//! What other processes do: they append to the store, and hold listeners or lose them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use soiree_core::store::{Claim, Millis, Position, Term};

use super::{CATCH_UP, CLAIM_AGAIN, REDRIVEN, Relay};
use crate::listener::DurableListener;
use crate::signals::Command;

impl Relay {
    pub(super) fn claim_again(&mut self, now: Millis) {
        if self.state.elsewhere.is_empty() {
            self.state.unclaimed = None;
            return;
        }
        if self.state.claim_at.is_some_and(|at| at > now) {
            return;
        }
        self.state.unclaimed = None;
        let elsewhere = std::mem::take(&mut self.state.elsewhere);
        for (number, subscribed) in elsewhere {
            let pattern = subscribed.pattern.as_str();
            let claim = self
                .store
                .claim(&subscribed.name, pattern, Default::default());
            let (term, progress) = match claim {
                Ok(Claim::Held(term, progress)) => (term, progress),
                failed => {
                    let error = failed.err().map(Arc::new);
                    self.state.unclaimed = self.state.unclaimed.take().or(error);
                    self.state.elsewhere.insert(number, subscribed);
                    continue;
                }
            };
            self.look_for_others();
            let limits = self.limits;
            let around = self.surroundings();
            match DurableListener::recover(subscribed, term, progress, limits, &around) {
                Ok(listener) => {
                    self.state.listeners.insert(number, listener);
                }
                Err((subscribed, error)) => {
                    self.state.unclaimed = Some(error.into());
                    self.state.elsewhere.insert(number, *subscribed);
                }
            }
        }
        let again = now.saturating_add(CLAIM_AGAIN);
        self.state.claim_at = (!self.state.elsewhere.is_empty()).then_some(again);
    }

    /// Another process has overtaken this claim.
    pub(super) fn lose(&mut self, term: &Term) {
        let lost = self
            .state
            .listeners
            .iter()
            .find(|(_, listener)| listener.term == *term)
            .map(|(number, _)| *number);
        let Some(listener) = lost.and_then(|number| self.state.listeners.remove(&number)) else {
            return;
        };
        let is_removed = listener.is_removed;
        let subscribed = listener.into_subscribed();
        if is_removed {
            subscribed.has_left.store(true, Ordering::Release);
            return;
        }
        let info = subscribed.info.lock();
        info.unwrap_or_else(PoisonError::into_inner).is_held = false;
        self.state.elsewhere.insert(subscribed.number, subscribed);
        let again = self.clock.now().saturating_add(CLAIM_AGAIN);
        self.state.claim_at = Some(again);
    }

    /// Reads what others may have appended, and looks soon for what they may have redriven.
    pub(super) fn look_for_others(&mut self) {
        let soon = self.clock.now().saturating_add(REDRIVEN);
        self.state.redriven_at.get_or_insert(soon);
        while self.read_on() {}
    }

    /// Whether others may have appended since the log was read last, and it matters now.
    pub(super) fn asks(&self, command: &Command) -> bool {
        match command {
            Command::Start | Command::Drained(_) => !self.state.has_failed,
            Command::Add(_) => self.state.has_started && !self.state.has_failed,
            _ => false,
        }
    }

    /// Reads a page of what others may have appended. Returns whether there was something.
    pub(super) fn read_on(&mut self) -> bool {
        let mut records = Vec::new();
        let read = self.store.read(self.tail.last(), CATCH_UP, &mut records);
        self.state.unread = read.err().map(Arc::new);
        if records.is_empty() {
            return false;
        }
        for record in records {
            self.tail.push(record);
        }
        self.queue.saw(self.tail.last());
        self.figures.count_up_to(self.tail.last(), 0);
        self.sweep_later();
        true
    }

    pub(super) fn look_for_redriven(&mut self, now: Millis) {
        if self.state.redriven_at.is_some_and(|at| at <= now) {
            self.state.redriven_at = None;
            for listener in self.state.listeners.values_mut() {
                listener.look_for_redriven(Position::START);
            }
        }
    }
}
