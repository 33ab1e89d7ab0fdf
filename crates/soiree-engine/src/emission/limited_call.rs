//! Calls of listeners that are limited: called in their turn, or waiting for it.

use std::sync::Arc;

use soiree_core::panic::caught;
use soiree_core::registry::Registration;
use soiree_core::{Event, NotCalled};

use super::in_flight::InFlight;
use super::listener_job::{ListenerJob, delegate, not_called, suitable_pool};
use super::pool_ref::PoolRef;
use super::turns::{Admission, Turn, TurnWork};
use super::waiting_calls::WaitingCall;
use crate::dispatch::{Counts, HeldTurn, TurnTaken};

/// Lets a listener whose calls are limited have its turn.
pub(super) fn take_turn(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    counts: &mut Counts,
) -> TurnTaken {
    let state = emission.state();
    let turns = &state.settings.shared.turns;
    // Ordered listeners that were subscribed after the emit have no place yet.
    let reserved = state.take_turn_place(registration);
    match reserved.unwrap_or_else(|| caught(|| Turn::take(turns, registration, event))) {
        Ok(turn) => go_on(emission, registration, event, counts, turn),
        Err(panic) => TurnTaken::Panicked(panic),
    }
}

/// The call has taken a place, unless it is not limited.
pub(super) fn go_on(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    counts: &mut Counts,
    turn: Option<Arc<Turn>>,
) -> TurnTaken {
    if let Some(turn) = &turn {
        emission.state().keep_turn(registration, turn);
    }
    let here =
        |turn: Option<Arc<Turn>>| TurnTaken::Here(turn.map(|turn| turn as Arc<dyn HeldTurn>));
    match turn {
        Some(turn) if !turn.has_come() => {
            wait(emission, registration, event, counts, turn);
            TurnTaken::Elsewhere
        }
        turn if registration.pool().is_none() => here(turn),
        turn => match delegate(emission, registration, event, counts, turn) {
            Ok(()) => TurnTaken::Elsewhere,
            Err(turn) => here(turn),
        },
    }
}

/// Lets the call wait for its turn, if one more call may wait.
fn wait(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    counts: &mut Counts,
    turn: Arc<Turn>,
) {
    let state = emission.state();
    let settings = &state.settings;
    let mut reject = |error| {
        counts.not_called += 1;
        not_called(emission, registration, error, event);
    };
    let pool_ref = match suitable_pool(state, registration) {
        Ok(pool) => pool.map_or_else(|| state.pool_ref(), |(pool_ref, _)| pool_ref),
        Err(reason) => {
            let pool = registration.pool().map_or("", |pool| pool);
            return reject(registration.rejected(state.topic(), pool, reason));
        }
    };
    let (shared, waiting_capacity) = (&settings.shared, settings.waiting_capacity);
    let Some(waiting) = shared.waiting_calls.try_add(waiting_capacity) else {
        let max_concurrent = turn.limit();
        let why = NotCalled::TooManyWait {
            max_concurrent,
            waiting_capacity,
        };
        return reject(registration.not_called(state.topic(), why));
    };
    let _ = wait_for_turn(emission, registration, pool_ref, turn, waiting);
}

/// The call runs when its turn has come.
pub(super) fn wait_for_turn(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    pool_ref: Arc<PoolRef>,
    turn: Arc<Turn>,
    waiting: WaitingCall,
) -> Arc<ListenerJob> {
    let its_turn = Some(Arc::clone(&turn));
    let job = ListenerJob::add(emission, registration, pool_ref, its_turn, Some(waiting));
    match turn.ready(Arc::clone(&job) as _) {
        // A thread that waits for the emission looks again whether it waits for itself.
        Admission::Later => emission.state().notify_pending(),
        Admission::Now => Arc::clone(&job).submit(),
        Admission::Closed => Arc::clone(&job).end_unrun(),
    }
    job
}
