//! Keeping reserved places until the listeners are submitted to their pools, or will not be.

use soiree_core::registry::Registration;

use super::places::{Place, Places};
use super::state::EmissionState;

impl EmissionState {
    pub(crate) fn keep_places(&self, places: Places) {
        if !places.is_empty() {
            self.shared().places = Some(Box::new(places));
        }
    }

    /// The place of a listener that is about to be submitted to its pool.
    pub(super) fn take_place(&self, registration: &Registration) -> Option<Place> {
        if !registration.requires_place() {
            return None;
        }
        let mut shared = self.shared_if_used()?;
        shared.places.as_mut()?.take(registration)
    }

    /// No further listener is submitted to its pool.
    #[inline]
    pub(crate) fn give_back_places(&self) {
        if self.cold_if_used().is_some() {
            self.give_back_all_places();
        }
    }

    #[inline(never)]
    fn give_back_all_places(&self) {
        let places = self
            .shared_if_used()
            .and_then(|mut shared| shared.places.take());
        // Not under the lock: a pool gives the places to others.
        drop(places);
    }
}
