//! What other processes do: they append to the store, and hold listeners or lose them.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use soiree_core::store::{Claim, Millis, Term};

use super::{CATCH_UP, CLAIM_AGAIN, Relay};
use crate::listener::DurableListener;

impl Relay {
    pub(super) fn claim_again(&mut self, now: Millis) {
        if self.state.elsewhere.is_empty() || self.state.claim_at.is_some_and(|at| at > now) {
            return;
        }
        let elsewhere = std::mem::take(&mut self.state.elsewhere);
        for (number, subscribed) in elsewhere {
            let pattern = subscribed.pattern.as_str();
            let claim = self
                .store
                .claim(&subscribed.name, pattern, Default::default());
            let Ok(Claim::Held(term, progress)) = claim else {
                self.state.elsewhere.insert(number, subscribed);
                continue;
            };
            self.look_for_others();
            let limits = self.limits;
            let around = self.surroundings();
            match DurableListener::recover(subscribed, term, progress, limits, &around) {
                Ok(listener) => {
                    self.state.listeners.insert(number, listener);
                }
                Err((subscribed, _)) => {
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

    /// Reads what others may have appended.
    pub(super) fn look_for_others(&mut self) {
        loop {
            let mut records = Vec::new();
            let read = self.store.read(self.tail.last(), CATCH_UP, &mut records);
            if read.is_err() || records.is_empty() {
                return;
            }
            for record in records {
                self.tail.push(record);
            }
            self.queue.saw(self.tail.last());
            self.sweep_later();
        }
    }
}
