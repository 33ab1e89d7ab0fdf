//! Putting emissions on pools.

use std::sync::Arc;

use super::Emitter;
use crate::context::{Frame, inside_any, on_timer};
use crate::emission::{Cargo, Core, Emission, EmitError, Flight, Setup};
use crate::trace::{self, EmissionSpan};
use soiree_core::observe::reclaim as take_back;
use soiree_core::{EmissionRejected, Job, PoolHandle, Rejection, SubmitError, SubmitErrorReason};

impl Emitter {
    /// The gate has been entered; the flight leaves it as it ends, refused or not.
    pub(super) fn launch<C: Cargo>(
        &self,
        topic: &str,
        mut cargo: C,
    ) -> Result<Emission, EmitError> {
        let mut begun = false;
        let mut span = EmissionSpan::default();
        let mut is_unordered = false;
        loop {
            let current = self.current.load();
            let (handle, setup) = current.ground(topic);
            let mut core = Core::new(Arc::clone(setup), topic);
            core.span = std::mem::take(&mut span);
            let flight = Arc::new(Flight { core, cargo });
            if !begun {
                flight.trace_begun();
                flight.tell_begun();
            }
            if !is_unordered {
                is_unordered = true;
                if let Some(rule) = current.settings.orders.of(topic) {
                    if let Some(key) = self.key_of(rule, &flight)? {
                        return self.launch_ordered(&current, rule, key, flight);
                    }
                }
            }
            let job = setup.offer(Arc::clone(&flight) as _, &setup.pool);
            let refused = match self.submit(handle, setup, job) {
                Ok(()) => {
                    flight.tell_accepted();
                    return Ok(Emission::new(flight));
                }
                Err(refused) => take_back(refused),
            };
            // A bulkhead that was taken off meanwhile is closed; the event goes where it goes without it.
            let closed = matches!(refused.reason, SubmitErrorReason::Closed);
            if !closed || Arc::ptr_eq(&current, &self.current.load()) {
                return Err(refuse(&flight, refused));
            }
            let (job, source) = refused.into_parts();
            // A pool may have wrapped the task in a job of its own. Dropping that ends the flight, which leaves the gate.
            begun = job.into_task().is_some();
            if !begun && !self.hub.gate.enter() {
                return Err(EmitError::Closed {
                    topic: topic.into(),
                    payload: C::payload(&flight),
                });
            }
            cargo = match Arc::try_unwrap(flight) {
                Ok(flight) => {
                    span = flight.core.span;
                    flight.cargo
                }
                // Only a pool that kept what it gave back can still hold on to it.
                Err(flight) => {
                    let job = Job::from_task(Arc::clone(&flight) as _);
                    return Err(refuse(&flight, SubmitError::new(job, source)));
                }
            };
        }
    }

    /// Blocks where the pool does, but not on a thread that works for another pool of this emitter.
    pub(super) fn submit(
        &self,
        handle: &PoolHandle,
        setup: &Setup,
        job: Job,
    ) -> Result<(), SubmitError> {
        let hub = Arc::as_ptr(&self.hub).addr();
        let pool = Arc::as_ptr(handle.pool()).cast::<()>().addr();
        let is_elsewhere =
            |frame: &Frame| frame.hub == hub && frame.pool != 0 && frame.pool != pool;
        let elsewhere = || inside_any(is_elsewhere) || setup.is_on_another_pool();
        if on_timer() || !handle.blocks_workers() && elsewhere() {
            handle.pool().submit_now(job)
        } else {
            handle.pool().submit(job)
        }
    }
}

#[cold]
fn refuse<C: Cargo>(flight: &Arc<Flight<C>>, refused: SubmitError) -> EmitError {
    let (job, source) = refused.into_parts();
    let why = Rejection::Pool {
        pool: &flight.core.setup.pool.name,
        reason: &source,
    };
    tell_refused(flight, why, || drop(job));
    EmitError::Rejected {
        topic: flight.core.topic().into(),
        payload: C::payload(flight),
        source,
    }
}

/// Tells of a refusal while `end` ends the emission.
pub(super) fn tell_refused<C: Cargo>(
    flight: &Arc<Flight<C>>,
    why: Rejection<'_>,
    end: impl FnOnce(),
) {
    let core = &flight.core;
    core.set_refused();
    let entered = core.span.enter();
    trace::refused(core.topic(), why);
    drop(entered);
    end();
    core.setup.handlers.observers.notify(|observer| {
        observer.emission_rejected(&EmissionRejected::new(core.topic(), why));
    });
}
