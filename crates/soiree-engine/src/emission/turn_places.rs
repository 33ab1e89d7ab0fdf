//! The places of an emission in the queues of its ordered listeners.

use std::sync::{Arc, PoisonError};

use soiree_core::registry::Registration;
use soiree_core::sync::{Mutex, MutexGuard};

use super::state::EmissionState;
use super::turns::{Reserved, Turn, TurnPlaces};
use crate::context::EnteredTurn;

impl EmissionState {
    fn turn_places(&self) -> Option<MutexGuard<'_, TurnPlaces>> {
        let places = self.cold_if_used()?.turn_places.get()?.lock();
        Some(places.unwrap_or_else(PoisonError::into_inner))
    }

    fn places_or_new(&self) -> MutexGuard<'_, TurnPlaces> {
        let places = self.cold().turn_places.get_or_init(Mutex::default).lock();
        places.unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called before it goes to its pool.
    pub(crate) fn set_turn_places(&self, places: TurnPlaces) {
        *self.places_or_new() = places;
    }

    /// Takes its place for a listener that it has reached.
    pub(super) fn take_turn_place(&self, registration: &Arc<Registration>) -> Option<Reserved> {
        self.turn_places()?.take(registration)
    }

    /// Remembers the turn of a call, for its retries, if they are part of it.
    pub(crate) fn keep_turn(&self, registration: &Arc<Registration>, turn: &Arc<Turn>) {
        if TurnPlaces::keeps(registration) {
            self.places_or_new().keep(registration, turn);
        }
    }

    /// The turn of the call before, for a retry of this listener.
    pub(super) fn kept_turn(&self, registration: &Arc<Registration>) -> Option<Arc<Turn>> {
        self.turn_places()?.kept(registration)
    }

    /// The calling thread is inside its places until these are dropped.
    #[inline]
    pub(super) fn enter_turns(&self) -> Option<Vec<EnteredTurn>> {
        self.cold_if_used().and_then(|_| self.enter_all_turns())
    }

    #[inline(never)]
    fn enter_all_turns(&self) -> Option<Vec<EnteredTurn>> {
        Some(self.turn_places()?.enter())
    }

    /// It will reach no further listener: gives up the places that are left.
    #[inline]
    pub(crate) fn release_turns(&self) {
        if self.cold_if_used().is_some() {
            self.release_all_turns();
        }
    }

    #[inline(never)]
    fn release_all_turns(&self) {
        let released = self.turn_places().map(|mut places| places.release());
        // Not under the lock: the next calls start.
        drop(released);
    }
}
