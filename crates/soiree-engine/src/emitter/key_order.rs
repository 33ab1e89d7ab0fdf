//! Emissions that are ordered by a key.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Emitter;
use super::launch::tell_refused;
use super::settings::Current;
use crate::context::{inside_any, on_timer};
use crate::emission::{Berth, Cargo, Emission, EmitError, Flight, Setup, Turn};
use crate::ordering::{Full, Member, OrderingKey, Patience, Place, Rule};
use crate::trace;
use soiree_core::observe::reclaim as take_back;
use soiree_core::{
    EmissionRejected, Event, OrderRejection, PanicPayload, Payload, Rejection, SubmitErrorReason,
};

impl Emitter {
    /// The key of a flight that nobody else knows of yet. If the key function panics, the flight is ended.
    pub(super) fn key_of<C: Cargo>(
        &self,
        rule: &Rule,
        flight: &Arc<Flight<C>>,
    ) -> Result<Option<OrderingKey>, EmitError> {
        let mut key = None;
        let made = self.make_key(|| {
            C::show(flight, &mut |event| key = rule.key(event));
        });
        made.map_err(|panic| {
            let error = key_panicked(rule, flight.core.topic(), &panic, C::payload(flight));
            refuse(flight, &error);
            error
        })?;
        Ok(key)
    }

    fn make_key(&self, make: impl FnOnce()) -> Result<(), PanicPayload> {
        let _entered = self.enter(0);
        catch_unwind(AssertUnwindSafe(make)).map_err(PanicPayload::new)
    }

    /// Puts an emission into the lane of its key, and on its pool if it is its turn.
    pub(super) fn launch_ordered<C: Cargo>(
        &self,
        current: &Arc<Current>,
        rule: &Arc<Rule>,
        key: OrderingKey,
        flight: Arc<Flight<C>>,
    ) -> Result<Emission, EmitError> {
        let (handle, setup) = current.ground(flight.core.topic());
        flight.core.set_berth(Berth::new(rule, key.clone()));
        let member = Arc::clone(&flight) as Arc<dyn Member>;
        let limit = rule.order.limit();
        let capacity = limit.unwrap_or_else(|| setup.pool.capacity(&**handle.pool()));
        let patience = || self.patience(rule, setup);
        let entered = rule
            .lanes
            .enter(&key, &member, Some(handle.pool()), capacity, patience);
        match entered {
            Ok(Place::Behind) => Ok(accepted(flight)),
            Ok(Place::Head) => self.submit_head(Arc::clone(current), flight),
            Err(full) => {
                flight.core.give_up_berth();
                let payload = C::payload(&flight);
                let topic = flight.core.topic();
                let error = lane_full(rule, topic, capacity, &full, payload);
                refuse(&flight, &error);
                Err(error)
            }
        }
    }

    fn submit_head<C: Cargo>(
        &self,
        mut current: Arc<Current>,
        flight: Arc<Flight<C>>,
    ) -> Result<Emission, EmitError> {
        let core = &flight.core;
        loop {
            let (handle, setup) = current.ground(core.topic());
            let job = core.offer(Arc::clone(&flight) as _);
            let Err(refused) = self.submit(handle, setup, job) else {
                return Ok(accepted(flight));
            };
            let (job, source) = take_back(refused).into_parts();
            // Before the job is dropped, which would tell that it was discarded.
            let is_unclaimed = core.claim();
            drop(job);
            if !is_unclaimed {
                // Somebody who waits for one behind it has run it meanwhile.
                return Ok(accepted(flight));
            }
            let closed = matches!(source, SubmitErrorReason::Closed);
            let now = self.current.load_full();
            if !closed || Arc::ptr_eq(&now, &current) {
                let why = Rejection::Pool {
                    pool: &core.link().name,
                    reason: &source,
                };
                tell_refused(&flight, why, || flight.end_unrun());
                return Err(EmitError::Rejected {
                    topic: core.topic().into(),
                    payload: C::payload(&flight),
                    source,
                });
            }
            // A bulkhead that was taken off meanwhile is closed; the event goes where it goes without it.
            core.move_to(&now.ground(core.topic()).1.pool);
            core.unclaim();
            current = now;
        }
    }

    /// Waits for the turn of an emission on this thread that has begun, unless the thread must not wait.
    pub(super) fn turn(
        &self,
        current: &Current,
        rule: &Arc<Rule>,
        event: &dyn Event,
        topic: &str,
    ) -> Result<Option<Turn>, EmitError> {
        let turn = self.wait_for_turn(current, rule, event, topic);
        turn.inspect_err(|error| {
            let Some(reason) = refusal(error) else {
                return;
            };
            trace::refused(topic, reason);
            let observers = &current.settings.handlers.observers;
            let _entered = self.enter(0);
            observers.notify(|observer| {
                observer.emission_rejected(&EmissionRejected::new(topic, reason))
            });
        })
    }

    fn wait_for_turn(
        &self,
        current: &Current,
        rule: &Arc<Rule>,
        event: &dyn Event,
        topic: &str,
    ) -> Result<Option<Turn>, EmitError> {
        let mut key = None;
        self.make_key(|| key = rule.key(event))
            .map_err(|panic| key_panicked(rule, topic, &panic, event.payload()))?;
        let Some(key) = key else {
            return Ok(None);
        };
        let (handle, setup) = current.ground(topic);
        if self.must_not_wait(setup) {
            let turn = Turn::wait_for(rule, key, 0, || Patience::None);
            return turn.map(Some).map_err(|_| EmitError::KeyBusy {
                topic: topic.into(),
                payload: event.payload(),
                pattern: rule.pattern.clone(),
            });
        }
        let limit = rule.order.limit();
        let capacity = limit.unwrap_or_else(|| setup.pool.capacity(&**handle.pool()));
        let turn = Turn::wait_for(rule, key, capacity, || rule.patience());
        turn.map(Some)
            .map_err(|full| lane_full(rule, topic, capacity, &full, event.payload()))
    }

    fn patience(&self, rule: &Rule, setup: &Setup) -> Patience {
        if self.must_not_wait(setup) {
            Patience::None
        } else {
            rule.patience()
        }
    }

    /// Whether what this thread is in the middle of may be what it would wait for.
    fn must_not_wait(&self, setup: &Setup) -> bool {
        let hub = Arc::as_ptr(&self.hub).addr();
        on_timer()
            || inside_any(|frame| frame.hub == hub)
            || setup.pools.values().any(|link| link.is_here())
    }
}

fn accepted<C: Cargo>(flight: Arc<Flight<C>>) -> Emission {
    flight.tell_accepted();
    Emission::new(flight)
}

/// Ends a flight that has begun and gets no further.
#[cold]
fn refuse<C: Cargo>(flight: &Arc<Flight<C>>, error: &EmitError) {
    if let (Some(why), true) = (refusal(error), flight.core.claim()) {
        tell_refused(flight, why, || flight.end_unrun());
    }
}

fn refusal(error: &EmitError) -> Option<Rejection<'_>> {
    Some(Rejection::Order(match error {
        EmitError::KeyQueueFull {
            pattern, capacity, ..
        } => OrderRejection::KeyQueueFull {
            pattern,
            capacity: *capacity,
        },
        EmitError::KeyBusy { pattern, .. } => OrderRejection::KeyBusy { pattern },
        EmitError::KeyPanicked {
            pattern, message, ..
        } => OrderRejection::KeyPanicked { pattern, message },
        _ => return None,
    }))
}

#[cold]
fn key_panicked(rule: &Rule, topic: &str, panic: &PanicPayload, payload: Payload) -> EmitError {
    EmitError::KeyPanicked {
        topic: topic.into(),
        payload,
        pattern: rule.pattern.clone(),
        message: panic.message().into(),
    }
}

#[cold]
fn lane_full(
    rule: &Rule,
    topic: &str,
    capacity: usize,
    full: &Full,
    payload: Payload,
) -> EmitError {
    EmitError::KeyQueueFull {
        topic: topic.into(),
        payload,
        pattern: rule.pattern.clone(),
        capacity,
        waited: full.waited,
    }
}
