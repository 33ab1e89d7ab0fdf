//! Emissions that are delivered to one listener, which is all that they call.

use std::sync::Arc;

use soiree_core::panic::{PanicPayload, caught};
use soiree_core::registry::Registration;
use soiree_core::{Pool, SubmitErrorReason};

use super::async_call::job_of;
use super::attempt::Attempt;
use super::finish::end_part;
use super::in_flight::{InFlight, with_event};
use super::limited_call::wait_for_turn;
use super::listener_job::ListenerJob;
use super::notify::in_flight_accepted;
use super::reclaim::{Reclaimed, reclaim_work};
use super::retry_attempt::report_and_follow;
use super::turns::Turn;
use crate::context::enter_frame;
use crate::dispatch::Counts;
use crate::invocation::{Call, CallOutcome};

/// Submits the call of the only listener of an emission, which ends with it. Does not wait.
///
/// # Errors
/// If there is no place for the call. The emission has still to be ended.
pub(crate) fn deliver(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    pool: &Arc<dyn Pool>,
) -> Result<(), SubmitErrorReason> {
    let state = emission.state();
    let settings = &state.settings;
    // What the key function and observers call counts as called by the emission.
    let _entered = enter_frame(state.frame_here());
    let turns = &settings.shared.turns;
    let taken = with_event(emission, |event| {
        caught(|| Turn::take(turns, registration, event))
    });
    let counts = match taken {
        Err(panic) => key_panicked(emission, registration, panic),
        Ok(Some(turn)) if !turn.has_come() => {
            let capacity = settings.waiting_capacity;
            let waiting = settings.shared.waiting_calls.try_add(capacity);
            let waiting = waiting.ok_or(SubmitErrorReason::Full { capacity })?;
            wait_for_turn(emission, registration, state.pool_ref(), turn, waiting);
            Counts::default()
        }
        Ok(turn) => {
            submit(emission, registration, pool, turn)?;
            Counts::default()
        }
    };
    in_flight_accepted(state);
    end_part(emission, counts);
    Ok(())
}

fn submit(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    pool: &Arc<dyn Pool>,
    turn: Option<Arc<Turn>>,
) -> Result<(), SubmitErrorReason> {
    let state = emission.state();
    let job = ListenerJob::add(emission, registration, state.pool_ref(), turn, None);
    if let Some(turn) = job.target.turn() {
        // It has come. Threads that wait for a later one may have to help this call.
        turn.ready(Arc::clone(&job) as _);
    }
    let mut pool = Some(Arc::clone(pool));
    loop {
        let reason = match &pool {
            None if job.claim() => SubmitErrorReason::Closed,
            None => return Ok(()),
            Some(pool) => {
                let offered = job_of(&job);
                // A pool that panics has dropped the job, which has reported that.
                let Ok(Err(rejected)) = caught(|| pool.try_submit(offered)) else {
                    if registration.is_async() {
                        state.async_listener_submitted();
                    }
                    return Ok(());
                };
                match reclaim_work(rejected, || job.claim(), drop) {
                    Reclaimed::Rejected(reason) => reason,
                    Reclaimed::Ended(_) => return Ok(()),
                }
            }
        };
        if !matches!(reason, SubmitErrorReason::Closed) || !job.move_on() {
            state.set_rejected();
            job.ended(Counts::default());
            return Err(reason);
        }
        // Its bulkhead was removed meanwhile.
        let next = job.target.pool_ref();
        state.move_to(&next);
        pool = next.upgrade();
        job.unclaim();
    }
}

/// The call counts as made: a key function that panics is a panic of the listener.
#[cold]
fn key_panicked(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    panic: PanicPayload,
) -> Counts {
    let state = emission.state();
    let mut counts = Counts::default();
    with_event(emission, |event| {
        let handlers = &state.settings.handlers;
        let call = Call::new(registration, state.topic(), event, 1, handlers);
        let outcome = CallOutcome::Panicked(panic);
        report_and_follow(emission, &call, outcome, None, &mut counts);
    });
    counts
}
