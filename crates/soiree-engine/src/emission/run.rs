//! An emission as a job of its pool.

use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::{JobId, Task};

use super::context::InFlightContext;
use super::finish::{end_sequence_of, end_unrun};
use super::in_flight::{EmissionTask, InFlight, list_running, with_event_of};
use super::state::EmissionState;
use crate::dispatch::{Counts, Selection, dispatch};

/// Runs an emission on this thread, unless it has started. `state` is that of the emission: asking for it is a virtual call.
fn run(emission: &Arc<dyn InFlight>, state: &EmissionState) {
    if !state.claim() {
        return;
    }
    let settings = &state.settings;
    let mut counts = Counts::default();
    let _entered = state.enter();
    let listed = list_running(emission, state);
    let _turns = state.enter_turns();
    contained(|| {
        with_event_of(emission, state, |event| {
            dispatch(
                &settings.shared.registry,
                Selection::Matching,
                state.topic(),
                event,
                &settings.handlers,
                &mut InFlightContext(emission),
                &mut counts,
            );
        });
    });
    drop(listed);
    if !counts.superseded {
        state.release_turns();
    }
    end_sequence_of(emission, state, &counts);
}

/// On a worker of its pool that waits for it: takes its job out of the queue and runs it, unless it has started.
pub(super) fn run_queued(emission: &Arc<dyn InFlight>) {
    let pool = emission.state().pool_ref().upgrade();
    if !pool.is_some_and(|pool| pool.run_queued(JobId::of(emission))) {
        run(emission, emission.state());
    }
}

/// Takes the emission by value, so that only this function is compiled to release it, and not one for each payload type.
fn run_as_job(emission: Arc<dyn InFlight>) {
    let state = emission.state();
    run(&emission, state);
    let settings = &state.settings;
    let backlog = &settings.shared.backlog;
    backlog.run_one(settings.timer.as_ref(), || state.pool_ref());
}

/// Ends an emission whose job was dropped, unless it has started.
pub(super) fn discard(emission: Arc<dyn InFlight>) {
    if emission.state().claim() {
        end_unrun(&emission);
    }
}

impl<S: Send + Sync + 'static> Task for EmissionTask<S>
where
    Self: InFlight,
{
    fn run(self: Arc<Self>) {
        run_as_job(self);
    }

    fn discarded(self: Arc<Self>) {
        discard(self);
    }
}
