//! Emitting without waiting for a place.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::{Event, PoolHandle, Rejection, Reservation, SubmitErrorReason as Reason};

use super::current::Current;
use super::emit::Emitter;
use super::key_order::{queue_full, reject as reject_by_order};
use super::launch::{Rejected, accepted, reject};
use super::not_admitted::Pass;
use crate::emission::{
    ActiveOrder, Emission, EmitError, InFlight, KeySlot, OrderedEntry, end_unrun,
    in_flight_rejected, in_flight_started, trace_started,
};
use crate::ordering::{Position, QueueFull, RoomWaiter};

/// The order of an emission, which has a slot with its key.
pub(super) type Ordered = Arc<ActiveOrder>;

/// A place among those who wait for room behind their keys.
pub(super) type RoomPlace = RoomWaiter<dyn OrderedEntry>;

/// Why an emission was not accepted. Boxed, as errors of [`launch`](Emitter::launch) are.
pub(super) enum NotAccepted {
    Rejected(Box<EmitError>),
    NoPlace(Box<NoPlace>),
}

/// An emission that has started, and was not accepted because there is no place for it just now.
pub(super) struct NoPlace {
    pub(super) emission: Arc<dyn InFlight>,
    pub(super) order: Option<Ordered>,
    pub(super) handle: PoolHandle,
    pub(super) full: Full,
    /// Its place among those who wait for room, if it had one and still needs it.
    pub(super) line: Option<RoomPlace>,
}

/// What has no place.
pub(super) enum Full {
    Pool(Reason),
    /// The queue behind the events of its key. It has this capacity.
    Key(usize),
}

impl From<EmitError> for NotAccepted {
    fn from(error: EmitError) -> Self {
        Self::Rejected(error.into())
    }
}

impl From<Box<EmitError>> for NotAccepted {
    fn from(error: Box<EmitError>) -> Self {
        Self::Rejected(error)
    }
}

impl Emitter {
    /// Emits a payload on the pool. Never waits for a place, whatever the pool's overflow policy says.
    ///
    /// # Errors
    /// As [`emit`](Emitter::emit), and if there is no place.
    pub fn try_emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.start_payload(topic, payload)
            .map_err(|not_accepted| self.reject_now(not_accepted))
    }

    /// Emits an event of the caller's own type as [`try_emit`](Emitter::try_emit) does.
    ///
    /// # Errors
    /// As [`try_emit`](Emitter::try_emit).
    pub fn try_emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.try_emit_event_with(event, None)
    }

    pub(super) fn try_emit_event_with(
        &self,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<Emission, EmitError> {
        self.start_event(event, pass)
            .map_err(|not_accepted| self.reject_now(not_accepted))
    }

    /// Starts an emission. It does not wait.
    pub(super) fn start_payload<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, NotAccepted> {
        self.with_current(|current| {
            let (pool, emission) = self.admit_payload(current, topic, payload)?;
            self.start(current, pool, emission)
        })
    }

    /// As [`start_payload`](Self::start_payload), for an event of the caller's own type.
    pub(super) fn start_event(
        &self,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<Emission, NotAccepted> {
        match event.detached() {
            Some(detached) => self.start_custom(detached, pass),
            None => self.start_custom(event, pass),
        }
    }

    fn start_custom(
        &self,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<Emission, NotAccepted> {
        self.with_current(|current| {
            let (pool, emission) = self.admit_event(current, event, pass)?;
            self.start(current, pool, emission)
        })
    }

    /// As [`launch`](Self::launch), without waiting.
    fn start(
        &self,
        current: &Arc<Current>,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
    ) -> Result<Emission, NotAccepted> {
        if self.launches_at_once(current) {
            return self.submit_once(handle, emission, None, None, false);
        }
        self.prepare_and_attempt(current, handle, emission)
    }

    #[inline(never)]
    fn prepare_and_attempt(
        &self,
        current: &Arc<Current>,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
    ) -> Result<Emission, NotAccepted> {
        trace_started(&emission);
        in_flight_started(&emission);
        let mut ordered = None;
        if current.has_orders() {
            if let Some(order) = current.order_of(emission.state().topic()) {
                if let Some(key) = self.key_of(order, &emission)? {
                    let key = order.queues.hashed(key);
                    let slot = KeySlot::new(order, key);
                    slot.set_left();
                    emission.state().set_slot(slot);
                    ordered = Some(Arc::clone(order));
                }
            }
        }
        self.attempt(handle, emission, ordered, None, None)
    }

    /// Submits an emission that has started, in this place if there is one. `line` is its place among those who wait for room behind
    /// their keys, if it is one of them.
    pub(super) fn attempt(
        &self,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
        order: Option<Ordered>,
        place: Option<Reservation>,
        line: Option<RoomPlace>,
    ) -> Result<Emission, NotAccepted> {
        let state = emission.state();
        if let (Some(active), Some(slot)) = (&order, state.slot()) {
            slot.set_entering();
            let capacity = key_capacity(active, handle, &emission);
            let entry = || Arc::clone(&emission).into_entry();
            let number = line.as_ref().map(RoomWaiter::number);
            match active.queues.try_enter(slot.key(), entry, capacity, number) {
                Some(Position::Head) => {}
                Some(Position::Waiting) => return Ok(accepted(emission)),
                None => {
                    slot.set_left();
                    let full = Full::Key(capacity);
                    return Err(no_place(emission, order, handle, full, line));
                }
            }
        }
        // It has its room. Observers are notified if its pool rejects it, and may wait for room too.
        drop(line);
        // Only for this attempt: while it waits, it must not hold up others.
        if self.registry().has_requiring_place() {
            self.reserve_places(&emission)?;
        }
        let has_turns = order.is_none()
            && self.with_current(|current| current.settings.has_ordered_listeners)
            && self.reserve_turns(&emission);
        let is_ordered = order.is_some() || has_turns;
        self.submit_once(handle, emission, order, place, is_ordered)
    }

    #[inline]
    fn submit_once(
        &self,
        handle: &PoolHandle,
        emission: Arc<dyn InFlight>,
        order: Option<Ordered>,
        place: Option<Reservation>,
        is_ordered: bool,
    ) -> Result<Emission, NotAccepted> {
        let job = emission.state().job(Arc::clone(&emission).into_task());
        let submitted = match place {
            Some(place) => place.submit(job),
            None => handle.pool().try_submit(job),
        };
        let Err(rejected) = submitted else {
            return Ok(accepted(emission));
        };
        match self.after_rejection(rejected, &emission, is_ordered) {
            Rejected::Accepted => Ok(accepted(emission)),
            Rejected::Ended(reason) => Err(reject(&emission, reason, || {}).into()),
            Rejected::Claimed(reason @ (Reason::Full { .. } | Reason::TimedOut { .. })) => {
                emission.state().unclaim_before_accepted();
                step_back(&emission);
                Err(no_place(emission, order, handle, Full::Pool(reason), None))
            }
            Rejected::Claimed(reason) => {
                Err(reject(&emission, reason, || end_unrun(&emission)).into())
            }
            Rejected::Moved(now) => {
                step_back(&emission);
                let (next, _) = now.route(emission.state().topic());
                self.attempt(next, emission, order, None, None)
            }
        }
    }

    /// Rejects an emission for which there is no place.
    #[cold]
    pub(super) fn reject_now(&self, not_accepted: NotAccepted) -> EmitError {
        match not_accepted {
            NotAccepted::Rejected(error) => *error,
            NotAccepted::NoPlace(no_place) => {
                let emission = &no_place.emission;
                match no_place.full {
                    Full::Pool(reason) => reject_pool_full(emission, reason),
                    Full::Key(capacity) => {
                        reject_key_full(emission, no_place.order.as_ref(), capacity, None)
                    }
                }
            }
        }
    }
}

/// Rejects an emission because its pool has no place for it.
pub(super) fn reject_pool_full(emission: &Arc<dyn InFlight>, reason: Reason) -> EmitError {
    reject(emission, reason, || {
        if emission.state().claim() {
            end_unrun(emission);
        }
    })
}

/// Rejects an emission because too many events wait behind others of their key.
pub(super) fn reject_key_full(
    emission: &Arc<dyn InFlight>,
    order: Option<&Ordered>,
    capacity: usize,
    waited: Option<Duration>,
) -> EmitError {
    let state = emission.state();
    let payload = Arc::clone(emission).into_payload();
    let order = order.expect("its key has a queue");
    let full = QueueFull { waited };
    let error = queue_full(&order.rule, state.topic(), capacity, &full, payload);
    reject_by_order(emission, &error);
    error
}

/// Rejects an emission that waits while the emitter closes.
pub(super) fn reject_closed(emission: &Arc<dyn InFlight>) {
    if emission.state().claim() {
        in_flight_rejected(emission, Rejection::Closed, || end_unrun(emission));
    }
}

/// What a close calls that ends the wait of an emission for a place.
pub(super) fn reject_later(emission: &Arc<dyn InFlight>) -> impl FnOnce() + Send + 'static {
    let emission = Arc::clone(emission);
    move || reject_closed(&emission)
}

/// The error of an emission that the close has rejected.
pub(super) fn closed(emission: &Arc<dyn InFlight>) -> EmitError {
    EmitError::Closed {
        topic: emission.state().topic().into(),
        payload: Arc::clone(emission).into_payload(),
    }
}

/// Gives up what the emission has got for an attempt to submit it.
fn step_back(emission: &Arc<dyn InFlight>) {
    let state = emission.state();
    state.give_back_places();
    state.release_turns();
    if let Some(slot) = state.slot() {
        slot.step_back();
    }
}

fn key_capacity(order: &ActiveOrder, handle: &PoolHandle, emission: &Arc<dyn InFlight>) -> usize {
    let capacity = order.rule.order.limit();
    capacity.unwrap_or_else(|| {
        let pool_ref = &emission.state().settings.pool;
        pool_ref.capacity(&**handle.pool())
    })
}

fn no_place(
    emission: Arc<dyn InFlight>,
    order: Option<Ordered>,
    handle: &PoolHandle,
    full: Full,
    line: Option<RoomPlace>,
) -> NotAccepted {
    NotAccepted::NoPlace(Box::new(NoPlace {
        emission,
        order,
        handle: handle.clone(),
        full,
        line,
    }))
}
