//! Reserving places for the listeners of an emission that require one in their own pool.

use std::sync::Arc;

use soiree_core::{EmissionRejected, Event, Payload, Rejection};

use super::current::Current;
use super::emit::Emitter;
use crate::dispatch::Selection;
use crate::emission::{
    EmitError, InFlight, NeededPlaces, NoPlace, Places, end_unrun, in_flight_rejected,
};
use crate::trace;

impl Emitter {
    /// Reserves the places that the listeners of an emission require, for an emission that no other thread knows yet. If there is one
    /// place too few, the emission is ended.
    #[cold]
    #[inline(never)]
    pub(super) fn reserve_places(&self, emission: &Arc<dyn InFlight>) -> Result<(), EmitError> {
        let state = emission.state();
        let mut needed = NeededPlaces::default();
        let registry = self.registry();
        registry.for_each_matching(state.topic(), |registration| needed.add(registration));
        let settings = &state.settings;
        let is_own = |pool_ref: &_| Arc::ptr_eq(pool_ref, &settings.pool);
        let no_place = match needed.reserve(&settings.pools, is_own) {
            Ok(places) => {
                state.keep_places(places);
                return Ok(());
            }
            Err(no_place) => no_place,
        };
        if state.claim() {
            in_flight_rejected(emission, rejection(&no_place), || end_unrun(emission));
        }
        let payload = Arc::clone(emission).into_payload();
        Err(error(no_place, state.topic(), payload))
    }

    /// As [`reserve_places`](Self::reserve_places), for a started emission on this thread.
    #[cold]
    #[inline(never)]
    pub(super) fn reserve_places_here(
        &self,
        current: &Current,
        selection: &Selection<'_>,
        topic: &str,
        event: &dyn Event,
    ) -> Result<Places, EmitError> {
        let mut needed = NeededPlaces::default();
        match selection {
            Selection::Resolved(snapshot, _) => {
                snapshot.for_each_matching(topic, |registration| needed.add(registration));
            }
            Selection::Found(listeners, _) => {
                listeners
                    .iter()
                    .for_each(|registration| needed.add(registration));
            }
            Selection::ExactPattern(pattern, snapshot) => {
                snapshot.visit_pattern(pattern, &mut needed);
            }
            // They have no pool of their own, or have been reserved for.
            Selection::Resume(..) | Selection::Matching | Selection::Remaining(_) => {}
        }
        let reserved = needed.reserve(&current.pools, |pool_ref| pool_ref.is_here());
        reserved.map_err(|no_place| {
            let why = rejection(&no_place);
            trace::rejected(topic, why);
            let rejected = EmissionRejected::new(topic, why);
            let observers = &current.settings.handlers.observers;
            observers.notify(|observer| observer.emission_rejected(&rejected));
            error(no_place, topic, event.payload())
        })
    }
}

fn rejection(no_place: &NoPlace) -> Rejection<'_> {
    Rejection::Pool {
        pool: &no_place.pool,
        reason: &no_place.reason,
    }
}

fn error(no_place: NoPlace, topic: &str, payload: Payload) -> EmitError {
    EmitError::Rejected {
        pool: (*no_place.pool).into(),
        topic: topic.into(),
        payload,
        source: no_place.reason,
    }
}
