//! Ending an emission, part by part.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::Interest;
use soiree_core::panic::contained;

use super::in_flight::{InFlight, with_event_of};
use super::notify::in_flight_ended;
use super::state::{EmissionState, Origin};
use crate::dispatch::{Counts, notify_if_unheard};
use crate::trace;

/// Adds the counts of a part that has ended, and ends the emission with its last part. Does nothing if another thread ends the part. To
/// be called inside a frame of the emission.
pub(crate) fn end_part(emission: &Arc<dyn InFlight>, counts: Counts) {
    end_part_of(emission, emission.state(), &counts);
}

/// As [`end_part`], for a caller that has the emission's state.
fn end_part_of(emission: &Arc<dyn InFlight>, state: &EmissionState, counts: &Counts) {
    if counts.superseded || !state.part_ended(counts) {
        return;
    }
    let observers = &state.settings.handlers.observers;
    if state.delivered.load(Ordering::Relaxed) == 0 || observers.want(Interest::EMISSIONS) {
        notify_end(emission, state);
    }
    state.release_turns();
    state.span.end();
    state.attributes.release();
    state.settle(|| emission.known_id(), || Arc::clone(emission).into_entry());
}

/// Notifies that the emission has ended, and that its event was unheard if it was.
#[cold]
fn notify_end(emission: &Arc<dyn InFlight>, state: &EmissionState) {
    let discarded = state.discarded.load(Ordering::Relaxed);
    let counts = state.counts();
    let handlers = &state.settings.handlers;
    // A delivery is not what finds out that nobody listens.
    if counts.delivered == 0 && !discarded && state.origin != Origin::Address {
        contained(|| {
            with_event_of(emission, state, |event| {
                notify_if_unheard(counts, state.topic(), event, handlers);
            });
        });
    }
    if handlers.observers.want(Interest::EMISSIONS) && !state.rejected.load(Ordering::Relaxed) {
        in_flight_ended(emission, counts, discarded);
    }
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
    end_sequence_of(emission, emission.state(), &counts);
}

/// As [`end_sequence`], for a caller that has the emission's state.
#[inline]
pub(super) fn end_sequence_of(
    emission: &Arc<dyn InFlight>,
    state: &EmissionState,
    counts: &Counts,
) {
    if !counts.superseded {
        state.give_back_places();
        state.call_made();
        end_part_of(emission, state, counts);
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
