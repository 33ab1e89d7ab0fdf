//! The places that an emission has in the queues of its ordered listeners, until it reaches them.

use std::sync::{Arc, Weak};

use soiree_core::PanicPayload;
use soiree_core::registry::Registration;

use super::turn::Turn;
use crate::context::EnteredTurn;
use crate::dispatch::HeldTurn;

/// What a listener's order says of an event: its place, that it is not ordered, or that the key function panicked.
pub(crate) type Reserved = Result<Option<Arc<Turn>>, PanicPayload>;

/// What an emission has to do with the turns of its listeners.
#[derive(Default)]
pub(crate) struct TurnPlaces {
    /// For ordered listeners that it has not reached.
    reserved: Vec<(Arc<Registration>, Reserved)>,
    /// For ordered listeners that it has reached, and whose retries keep the place of the call.
    kept: Vec<(usize, Weak<Turn>)>,
}

impl TurnPlaces {
    pub(crate) fn add(&mut self, registration: Arc<Registration>, reserved: Reserved) {
        self.reserved.push((registration, reserved));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reserved.is_empty()
    }

    /// Takes the place for a listener that the emission has reached.
    pub(crate) fn take(&mut self, registration: &Arc<Registration>) -> Option<Reserved> {
        let mut places = self.reserved.iter();
        let at = places.position(|(other, _)| Arc::ptr_eq(other, registration))?;
        let (_, reserved) = self.reserved.swap_remove(at);
        if let Ok(Some(turn)) = &reserved {
            turn.reached();
        }
        Some(reserved)
    }

    /// Whether the retries of a listener keep the place of its call.
    pub(crate) fn keeps(registration: &Registration) -> bool {
        let limit = registration.max_concurrent();
        registration.retry().is_some() && limit.is_some_and(|limit| limit.spans_retries())
    }

    /// Remembers the turn of a call, for its retries, if they are part of it.
    pub(crate) fn keep(&mut self, registration: &Arc<Registration>, turn: &Arc<Turn>) {
        if Self::keeps(registration) {
            let kept = (address(registration), Arc::downgrade(turn));
            self.kept.push(kept);
        }
    }

    /// The turn of the call before, for a retry of this listener.
    pub(crate) fn kept(&self, registration: &Arc<Registration>) -> Option<Arc<Turn>> {
        let address = address(registration);
        let mut kept = self.kept.iter();
        kept.find(|(other, _)| *other == address)?.1.upgrade()
    }

    /// The calling thread is inside the places until these are dropped.
    pub(crate) fn enter(&self) -> Vec<EnteredTurn> {
        let turns = self.reserved.iter();
        let turns = turns.filter_map(|(_, reserved)| reserved.as_ref().ok()?.as_ref());
        turns.map(|turn| turn.enter()).collect()
    }

    /// Takes the places of listeners that the emission has not reached and will not reach. To be dropped without a lock.
    #[must_use]
    pub(crate) fn release(&mut self) -> impl Sized + use<> {
        std::mem::take(&mut self.reserved)
    }
}

fn address(registration: &Arc<Registration>) -> usize {
    Arc::as_ptr(registration).addr()
}
