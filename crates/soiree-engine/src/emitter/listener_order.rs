//! The places of emissions in the queues of ordered listeners.

use std::sync::Arc;

use soiree_core::Event;
use soiree_core::panic::caught;
use soiree_core::registry::{Registration, Snapshot};

use super::emit::Emitter;
use crate::emission::{InFlight, Turn, TurnPlaces, TurnWork, queued_emission, with_event};

impl Emitter {
    /// Takes the places of an emission that no other thread knows yet. Returns whether it has any.
    #[cold]
    pub(super) fn reserve_turns(&self, emission: &Arc<dyn InFlight>) -> bool {
        // The last handle of a removed listener may be dropped with the snapshot, inside.
        let _entered = self.enter(0);
        let snapshot = self.registry().snapshot();
        let topic = emission.state().topic();
        let holder = || Some(queued_emission(emission));
        let places = with_event(emission, |event| {
            self.turn_places_in(&snapshot, topic, event, holder)
        });
        let has_places = !places.is_empty();
        if has_places {
            emission.state().set_turn_places(places);
        }
        has_places
    }

    /// Takes places for an event in the queues of its ordered listeners.
    #[cold]
    pub(super) fn turn_places_in(
        &self,
        snapshot: &Snapshot,
        topic: &str,
        event: &dyn Event,
        holder: impl Fn() -> Option<Arc<dyn TurnWork>>,
    ) -> TurnPlaces {
        let mut ordered: Vec<Arc<Registration>> = Vec::new();
        snapshot.for_each_matching(topic, |registration| {
            let limit = registration.max_concurrent();
            if limit.is_some_and(|limit| limit.is_ordered()) {
                ordered.push(Arc::clone(registration));
            }
        });
        let mut places = TurnPlaces::default();
        for registration in ordered {
            let by = caught(|| Turn::limited_by(&registration, event));
            let turns = &self.shared.turns;
            let reserved = by.map(|by| Turn::take_by(turns, &registration, by?, holder()));
            places.add(registration, reserved);
        }
        places
    }
}
