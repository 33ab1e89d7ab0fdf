//! Submitting emissions to their pools.

use std::sync::Arc;

use soiree_core::{Job, PoolHandle, Rejection, SubmitError, SubmitErrorReason};

use super::current::{Current, address};
use super::emit::Emitter;
use crate::context::{Frame, inside_frame, on_timer};
use crate::emission::{
    Emission, EmissionState, EmitError, InFlight, Reclaimed, end_unrun, in_flight_accepted,
    in_flight_rejected, in_flight_started, reclaim_work, trace_started,
};
use crate::trace;

impl Emitter {
    /// Launches an emission that has been counted as started. It is counted as ended when it ends, rejected or not.
    ///
    /// Errors are boxed up to the caller of the emitter: a result with room for one would be written and copied at each step.
    ///
    /// `handle` is the pool that its topic is routed to.
    #[inline]
    pub(super) fn launch(
        &self,
        current: &Arc<Current>,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
    ) -> Result<Emission, Box<EmitError>> {
        if self.launches_at_once(current) {
            return self.submit(handle, emission, false);
        }
        self.prepare_and_submit(current, handle, emission)
    }

    /// Whether an emission has nothing to do but to be submitted.
    #[inline]
    pub(super) fn launches_at_once(&self, current: &Current) -> bool {
        current.launches_at_once && !trace::is_possible() && !self.registry().has_requiring_place()
    }

    #[inline(never)]
    fn prepare_and_submit(
        &self,
        current: &Arc<Current>,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
    ) -> Result<Emission, Box<EmitError>> {
        trace_started(&emission);
        in_flight_started(&emission);
        if self.registry().has_requiring_place() {
            self.reserve_places(&emission)?;
        }
        if !current.orders_anything() {
            return self.submit(handle, emission, false);
        }
        if let Some(order) = current.order_of(emission.state().topic()) {
            if let Some(key) = self.key_of(order, &emission)? {
                // It takes no place for a listener here. Those before it may have a later place in the queue of its key, and would wait for
                // it while it waits for them.
                return self.launch_ordered(handle, order, key, emission);
            }
        }
        let has_turns = current.settings.has_ordered_listeners && self.reserve_turns(&emission);
        self.submit(handle, emission, has_turns)
    }

    /// Submits an emission to its pool, or to another one if its bulkhead was removed meanwhile.
    pub(super) fn submit(
        &self,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
        is_ordered: bool,
    ) -> Result<Emission, Box<EmitError>> {
        let state = emission.state();
        let job = state.job(Arc::clone(&emission).into_task());
        let Err(rejected) = self.submit_job(handle, state, job) else {
            in_flight_accepted(state);
            return Ok(Emission::new(emission));
        };
        match self.after_rejection(rejected, &emission, is_ordered) {
            Rejected::Accepted => Ok(accepted(emission)),
            Rejected::Ended(reason) => Err(reject(&emission, reason, || {}).into()),
            Rejected::Claimed(reason) => {
                Err(reject(&emission, reason, || end_unrun(&emission)).into())
            }
            Rejected::Moved(now) => {
                let (next, _) = now.route(emission.state().topic());
                self.submit(next, emission, is_ordered)
            }
        }
    }

    /// Finds out how an emission goes on that its pool has rejected.
    #[cold]
    pub(super) fn after_rejection(
        &self,
        rejected: SubmitError,
        emission: &Arc<dyn InFlight>,
        is_ordered: bool,
    ) -> Rejected {
        let state = emission.state();
        let reason = match reclaim_work(rejected, || state.claim(), drop) {
            Reclaimed::Rejected(reason) => reason,
            // A thread that waits for an emission behind this one, or for a call behind one of it, has run it.
            Reclaimed::Ended(_) if is_ordered => return Rejected::Accepted,
            // Only a pool can have ended it that dropped the job and then rejected another one.
            Reclaimed::Ended(reason) => return Rejected::Ended(reason),
        };
        if !matches!(reason, SubmitErrorReason::Closed) {
            return Rejected::Claimed(reason);
        }
        // A bulkhead that was removed meanwhile is closed: the event goes where its topic goes now.
        let now = self.current();
        let (_, settings) = now.route(state.topic());
        if Arc::ptr_eq(&settings.pool, &state.pool_ref()) {
            return Rejected::Claimed(reason);
        }
        state.move_to(&settings.pool);
        state.unclaim();
        Rejected::Moved(now)
    }

    /// Blocks if the pool does, but not on a thread that works for another pool of this emitter.
    fn submit_job(
        &self,
        handle: &PoolHandle,
        state: &EmissionState,
        job: Job,
    ) -> Result<(), SubmitError> {
        let elsewhere = || {
            let (emitter, pool) = (self.frame_address(), address(handle.pool()));
            let is_elsewhere =
                |frame: &Frame| frame.emitter == emitter && frame.pool != 0 && frame.pool != pool;
            inside_frame(is_elsewhere) || state.settings.is_on_another_pool(pool)
        };
        if on_timer() || !handle.blocks_workers() && elsewhere() {
            handle.pool().submit_now(job)
        } else {
            handle.pool().submit(job)
        }
    }
}

#[inline]
pub(super) fn accepted(emission: Arc<dyn InFlight>) -> Emission {
    in_flight_accepted(emission.state());
    Emission::new(emission)
}

/// How an emission goes on that its pool has rejected.
pub(super) enum Rejected {
    /// Another thread runs it.
    Accepted,
    /// It has ended.
    Ended(SubmitErrorReason),
    /// It is the caller's.
    Claimed(SubmitErrorReason),
    /// It goes to another pool, with these settings.
    Moved(Arc<Current>),
}

/// Notifies that the pool rejected an emission, while `end` ends it.
#[cold]
pub(super) fn reject(
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
        pool: (*pool_ref.name).into(),
        topic: state.topic().into(),
        payload: Arc::clone(emission).into_payload(),
        source,
    }
}
