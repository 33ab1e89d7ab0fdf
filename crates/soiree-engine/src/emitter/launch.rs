//! Submitting emissions to their pools.

use std::sync::Arc;

use soiree_core::{Job, PoolHandle, Rejection, SubmitError, SubmitErrorReason};

use super::current::{Current, address};
use super::emit::Emitter;
use crate::context::{Frame, inside_frame, on_timer};
use crate::emission::{
    Emission, EmissionSettings, EmitError, InFlight, Submission, end_unrun, in_flight_accepted,
    in_flight_rejected, in_flight_started, settle, trace_started,
};

impl Emitter {
    /// Launches an emission that has been counted as started. It is counted as ended when it ends, rejected or not.
    pub(super) fn launch(
        &self,
        current: &Arc<Current>,
        emission: Arc<dyn InFlight>,
    ) -> Result<Emission, EmitError> {
        trace_started(&emission);
        in_flight_started(&emission);
        if current.has_orders() {
            if let Some(order) = current.order_of(emission.state().topic()) {
                if let Some(key) = self.key_of(order, &emission)? {
                    return self.launch_ordered(current, order, key, emission);
                }
            }
        }
        self.submit(current, emission, false)
    }

    /// Submits an emission to its pool, or to another one if its bulkhead was removed meanwhile.
    pub(super) fn submit(
        &self,
        current: &Arc<Current>,
        emission: Arc<dyn InFlight>,
        is_ordered: bool,
    ) -> Result<Emission, EmitError> {
        let state = emission.state();
        let mut rerouted: Option<Arc<Current>> = None;
        loop {
            let current = rerouted.as_ref().unwrap_or(current);
            let (handle, settings) = current.route(state.topic());
            let job = state.job(Arc::clone(&emission).into_task());
            let answer = self.submit_job(handle, settings, job);
            let reason = match settle(answer, || state.claim()) {
                Submission::Accepted => return Ok(accepted(emission)),
                // A thread that waits for an emission behind this one has run it.
                Submission::Ended(_) if is_ordered => return Ok(accepted(emission)),
                // Only a pool can have ended it that dropped the job and then rejected another one.
                Submission::Ended(reason) => return Err(reject(&emission, reason, || {})),
                Submission::Rejected(reason) => reason,
            };
            // A bulkhead that was removed meanwhile is closed: the event goes where it goes without it.
            let now = self.current();
            let is_closed = matches!(reason, SubmitErrorReason::Closed);
            if !is_closed || Arc::ptr_eq(&now, current) {
                return Err(reject(&emission, reason, || end_unrun(&emission)));
            }
            state.move_to(&now.route(state.topic()).1.pool);
            state.unclaim();
            rerouted = Some(now);
        }
    }

    /// Blocks if the pool does, but not on a thread that works for another pool of this emitter.
    fn submit_job(
        &self,
        handle: &PoolHandle,
        settings: &EmissionSettings,
        job: Job,
    ) -> Result<(), SubmitError> {
        let (emitter, pool) = (self.address(), address(handle.pool()));
        let is_elsewhere =
            |frame: &Frame| frame.emitter == emitter && frame.pool != 0 && frame.pool != pool;
        let elsewhere = || inside_frame(is_elsewhere) || settings.is_on_another_pool();
        if on_timer() || !handle.blocks_workers() && elsewhere() {
            handle.pool().submit_now(job)
        } else {
            handle.pool().submit(job)
        }
    }
}

pub(super) fn accepted(emission: Arc<dyn InFlight>) -> Emission {
    in_flight_accepted(&emission);
    Emission::new(emission)
}

/// Notifies that the pool rejected an emission, while `end` ends it.
#[cold]
fn reject(
    emission: &Arc<dyn InFlight>,
    source: SubmitErrorReason,
    end: impl FnOnce(),
) -> EmitError {
    let state = emission.state();
    let pool_ref = state.pool_ref();
    let why = Rejection::Pool {
        pool: &pool_ref.name,
        reason: &source,
    };
    in_flight_rejected(emission, why, end);
    EmitError::Rejected {
        topic: state.topic().into(),
        payload: Arc::clone(emission).into_payload(),
        source,
    }
}
