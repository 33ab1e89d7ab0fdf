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
use super::requeue::wait_for_pool;
use super::retry_attempt::report_and_follow;
use super::state::EmissionState;
use super::turns::Turn;
use crate::context::enter_frame;
use crate::dispatch::Counts;
use crate::invocation::{Call, CallOutcome};

/// What happens to a delivery for which there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    Rejected,
    /// It waits as other accepted work does.
    Waits,
}

/// Submits the call of the only listener of an emission, which ends with it. Does not wait. Returns the call, unless it has ended.
///
/// # Errors
/// If there is no place for the call, and it does not wait. The emission has still to be ended.
pub(crate) fn deliver(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    pool: &Arc<dyn Pool>,
    when_full: WhenFull,
) -> Result<Option<Arc<ListenerJob>>, SubmitErrorReason> {
    let state = emission.state();
    let settings = &state.settings;
    // What the key function and observers call counts as called by the emission.
    let _entered = enter_frame(state.frame_here());
    let turns = &settings.shared.turns;
    let taken = with_event(emission, |event| {
        caught(|| Turn::take(turns, registration, event))
    });
    let (job, counts) = match taken {
        Err(panic) => (None, key_panicked(emission, registration, panic)),
        Ok(Some(turn)) if !turn.has_come() => {
            let capacity = match when_full {
                WhenFull::Rejected => settings.waiting_capacity,
                WhenFull::Waits => usize::MAX,
            };
            let waiting = settings.shared.waiting_calls.try_add(capacity);
            let waiting = waiting.ok_or(SubmitErrorReason::Full { capacity })?;
            let pool_ref = state.pool_ref();
            let job = wait_for_turn(emission, registration, pool_ref, turn, waiting);
            (Some(job), Counts::default())
        }
        Ok(turn) => {
            let job = submit(emission, registration, pool, turn, when_full)?;
            (Some(job), Counts::default())
        }
    };
    in_flight_accepted(state);
    end_part(emission, counts);
    Ok(job)
}

fn submit(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    pool: &Arc<dyn Pool>,
    turn: Option<Arc<Turn>>,
    when_full: WhenFull,
) -> Result<Arc<ListenerJob>, SubmitErrorReason> {
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
            None => return Ok(job),
            Some(_) if when_full == WhenFull::Waits && waits_behind_others(state, &job) => {
                return Ok(job);
            }
            Some(pool) => {
                let offered = job_of(&job);
                let submit = || match when_full {
                    WhenFull::Rejected => pool.try_submit(offered),
                    WhenFull::Waits => pool.requeue(offered),
                };
                // A pool that panics has dropped the job, which has reported that.
                let Ok(Err(rejected)) = caught(submit) else {
                    if registration.is_async() {
                        state.async_listener_submitted();
                    }
                    return Ok(job);
                };
                match reclaim_work(rejected, || job.claim(), drop) {
                    Reclaimed::Rejected(reason) => reason,
                    Reclaimed::Ended(_) => return Ok(job),
                }
            }
        };
        let is_full = matches!(
            reason,
            SubmitErrorReason::Full { .. } | SubmitErrorReason::Spawn(_)
        );
        if is_full && when_full == WhenFull::Waits {
            job.unclaim();
            wait_for_pool(state, Arc::clone(&job) as _);
            return Ok(job);
        }
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

/// Lets the call wait behind accepted work that its pool has not taken, if there is such work.
fn waits_behind_others(state: &EmissionState, job: &Arc<ListenerJob>) -> bool {
    let backlog = &state.settings.shared.backlog;
    let waits = backlog.has_work_for(&job.target.pool_ref());
    if waits {
        wait_for_pool(state, Arc::clone(job) as _);
    }
    waits
}

impl ListenerJob {
    /// Ends the call without a report of its own, if it has not started.
    pub(crate) fn withdraw(self: &Arc<Self>) {
        if !self.claim() {
            return;
        }
        self.waiting.end();
        let state = self.target.state();
        let _entered = self.target.enter();
        state.call_lost();
        self.ended(Counts::one_not_called());
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
