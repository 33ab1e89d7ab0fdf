//! Ending an emission, part by part.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::panic::contained;

use super::in_flight::{InFlight, with_event};
use super::notify::in_flight_ended;
use crate::dispatch::{Counts, notify_if_dead};
use crate::trace;

/// Adds the counts of a part that has ended, and ends the emission with its last part. Does nothing if another thread ends the part. To
/// be called inside a frame of the emission.
pub(crate) fn end_part(emission: &Arc<dyn InFlight>, counts: Counts) {
    let state = emission.state();
    if counts.superseded || !state.part_ended(counts) {
        return;
    }
    let discarded = state.discarded.load(Ordering::Relaxed);
    let counts = state.counts();
    let handlers = &state.settings.handlers;
    if counts.delivered == 0 && !discarded {
        contained(|| {
            with_event(emission, |event| {
                notify_if_dead(counts, state.topic(), event, handlers);
            });
        });
    }
    if !handlers.observers.is_empty() && !state.rejected.load(Ordering::Relaxed) {
        in_flight_ended(emission, counts, discarded);
    }
    state.release_turns();
    state.span.end();
    state.attributes.release();
    state.settle(|| emission.known_id(), || Arc::clone(emission).into_entry());
}

/// Ends a part whose listeners have been called, unless another thread ends it.
pub(super) fn end_called_part(emission: &Arc<dyn InFlight>, counts: Counts) {
    if !counts.superseded {
        emission.state().call_made();
        end_part(emission, counts);
    }
}

/// As [`end_called_part`], for the listeners that are called one after another.
pub(super) fn end_sequence(emission: &Arc<dyn InFlight>, counts: Counts) {
    if !counts.superseded {
        emission.state().give_back_places();
        end_called_part(emission, counts);
    }
}

/// Ends an emission that the caller has claimed, without running it.
pub(crate) fn end_unrun(emission: &Arc<dyn InFlight>) {
    let state = emission.state();
    let _entered = state.enter();
    if !state.rejected.load(Ordering::Relaxed) {
        trace::discarded(state.topic(), &state.pool_ref().name);
    }
    state.discarded.store(true, Ordering::Relaxed);
    state.give_back_places();
    end_part(emission, Counts::default());
}
