//! Emissions that are ordered by key.

use std::sync::Arc;

use soiree_core::panic::caught;
use soiree_core::registry::CachedTopic;
use soiree_core::{
    EmissionRejected, Event, OrderRejection, OrderingKey, PanicPayload, Payload, PoolHandle,
    Rejection,
};

use super::current::Current;
use super::emit::Emitter;
use super::emit_sync::{Started, check_depth};
use super::generation::Generation;
use super::launch::accepted;
use super::not_admitted::SyncError;
use crate::context::{EnteredFrame, ON_CALLER, inside_frame, on_timer};
use crate::dispatch::{Listed, Selection, call_checked_batch};
use crate::emission::{
    ActiveOrder, Emission, EmissionSettings, EmitError, InFlight, KeySlot, KeyTurn, KeyTurnGuard,
    Places, Report, end_unrun, in_flight_rejected, with_event,
};
use crate::ordering::{OrderRule, Position, QueueFull, WaitLimit};
use crate::trace::{self, EmissionSpan};

impl Emitter {
    /// The key of an emission that no other thread knows yet. If the key function panics, the emission is ended.
    pub(super) fn key_of(
        &self,
        order: &ActiveOrder,
        emission: &Arc<dyn InFlight>,
    ) -> Result<Option<OrderingKey>, EmitError> {
        let rule = &*order.rule;
        let key = self.make_key(|| with_event(emission, |event| rule.order.key(event)));
        key.map_err(|panic| {
            let payload = Arc::clone(emission).into_payload();
            let error = key_panicked(rule, emission.state().topic(), &panic, payload);
            reject(emission, &error);
            error
        })
    }

    fn make_key<R>(&self, make: impl FnOnce() -> R) -> Result<R, PanicPayload> {
        let _entered = self.enter(0);
        caught(make)
    }

    /// Puts an emission into the queue of its key, and submits it if it is the head.
    pub(super) fn launch_ordered(
        &self,
        handle: &PoolHandle,
        order: &Arc<ActiveOrder>,
        key: OrderingKey,
        emission: Arc<dyn InFlight>,
    ) -> Result<Emission, Box<EmitError>> {
        let state = emission.state();
        let (pool, settings) = (handle.pool(), &state.settings);
        let key = order.queues.hashed(key);
        state.set_slot(KeySlot::new(order, key.clone()));
        let entry = Arc::clone(&emission).into_entry();
        let capacity = order.rule.order.limit();
        let capacity = capacity.unwrap_or_else(|| settings.pool.capacity(&**pool));
        let limit = || self.wait_limit(&order.rule, settings);
        match order.queues.enter(&key, &entry, capacity, limit) {
            Ok(Position::Waiting) => Ok(accepted(emission)),
            Ok(Position::Head) => self.submit(handle, emission, true),
            Err(full) => {
                state.give_up_slot();
                let payload = Arc::clone(&emission).into_payload();
                let error = queue_full(&order.rule, state.topic(), capacity, &full, payload);
                reject(&emission, &error);
                Err(error.into())
            }
        }
    }

    /// As [`run_fast_path`](Self::run_fast_path), in the turn of the event if it is ordered.
    #[inline(never)]
    pub(super) fn run_fast_path_in_turn(
        &self,
        generation: &Generation,
        cached: &CachedTopic,
        topic: &str,
        event: &dyn Event,
    ) -> Result<u64, Result<Report, SyncError>> {
        let current = &*generation.current;
        let started = self.enter(ON_CALLER);
        if started.is_nested() {
            check_depth().map_err(Err)?;
        }
        // Dropped inside in any case: the next emission of the key may call user code when it is submitted.
        let (_entered, turn) = match current.order_of(topic) {
            None => (started, None),
            Some(order) => {
                let entered = self.enter_in_turn(started, current, order, event, topic);
                entered.map_err(|error| Err(error.into()))?
            }
        };
        let timer = current.settings.timer.as_ref();
        let batch = call_checked_batch(&cached.calls, event, timer);
        if batch.has_sequel() {
            let selection = Selection::Resume(
                Listed::Cached(&cached.calls),
                batch,
                None,
                &generation.snapshot,
            );
            let turn = turn.as_ref();
            return Err(self.resume_in_turn(current, selection, topic, event, turn));
        }
        Ok(batch.called())
    }

    /// Goes on after the listeners that a batch has called.
    #[cold]
    #[inline(never)]
    fn resume_in_turn(
        &self,
        current: &Current,
        selection: Selection<'_>,
        topic: &str,
        event: &dyn Event,
        turn: Option<&KeyTurnGuard<'_>>,
    ) -> Result<Report, SyncError> {
        let started = Started {
            turn,
            span: &EmissionSpan::default(),
            places: Places::default(),
        };
        self.run_started(current, selection, topic, event, started)
    }

    /// Waits for the turn of a started emission on this thread, if its event has a key. The thread is inside the emission from then on.
    pub(super) fn enter_in_turn<'a>(
        &self,
        started: EnteredFrame,
        current: &Current,
        order: &'a Arc<ActiveOrder>,
        event: &dyn Event,
        topic: &str,
    ) -> Result<(EnteredFrame, Option<KeyTurnGuard<'a>>), EmitError> {
        let key = match caught(|| order.rule.order.key(event)) {
            Ok(Some(key)) => key,
            Ok(None) => return Ok((started, None)),
            Err(panic) => {
                drop(started);
                let error = key_panicked(&order.rule, topic, &panic, event.payload());
                return Err(self.reject_here(error, topic, current));
            }
        };
        let turn = match KeyTurn::new(order, key).start() {
            Ok(turn) => turn,
            Err(turn) => {
                drop(started);
                let turn = self.wait_behind(current, turn, &order.rule, event, topic);
                let turn = turn.map_err(|error| self.reject_here(error, topic, current))?;
                return Ok((self.enter(turn.address()), Some(turn)));
            }
        };
        started.set_emission(turn.address());
        Ok((started, Some(turn)))
    }

    /// Waits until a started emission on this thread is the head of its key, unless the thread must not wait.
    #[cold]
    fn wait_behind<'a>(
        &self,
        current: &Current,
        turn: KeyTurn<'a>,
        rule: &OrderRule,
        event: &dyn Event,
        topic: &str,
    ) -> Result<KeyTurnGuard<'a>, EmitError> {
        let (handle, settings) = current.route(topic);
        if self.must_not_wait(settings) {
            return Err(EmitError::KeyBusy {
                topic: topic.into(),
                payload: event.payload(),
                pattern: rule.pattern.clone(),
            });
        }
        let capacity = rule.order.limit();
        let capacity = capacity.unwrap_or_else(|| settings.pool.capacity(&**handle.pool()));
        let turn = turn.wait(capacity, || WaitLimit::of(rule.order.overflow_policy()));
        turn.map_err(|full| queue_full(rule, topic, capacity, &full, event.payload()))
    }

    /// Notifies observers of a started emission on this thread that gets no turn.
    #[cold]
    fn reject_here(&self, error: EmitError, topic: &str, current: &Current) -> EmitError {
        if let Some(reason) = rejection(&error) {
            trace::rejected(topic, reason);
            let observers = &current.settings.handlers.observers;
            let _entered = self.enter(0);
            let rejected = EmissionRejected::new(topic, reason);
            observers.notify(|observer| observer.emission_rejected(&rejected));
        }
        error
    }

    fn wait_limit(&self, rule: &OrderRule, settings: &EmissionSettings) -> WaitLimit {
        if self.must_not_wait(settings) {
            WaitLimit::None
        } else {
            WaitLimit::of(rule.order.overflow_policy())
        }
    }

    /// Whether this thread could be inside of what it would wait for.
    pub(super) fn must_not_wait(&self, settings: &EmissionSettings) -> bool {
        let emitter = self.frame_address();
        on_timer() || inside_frame(|frame| frame.emitter == emitter) || settings.is_on_a_pool()
    }
}

/// Ends an emission that has started and gets no further.
#[cold]
pub(super) fn reject(emission: &Arc<dyn InFlight>, error: &EmitError) {
    if let (Some(why), true) = (rejection(error), emission.state().claim()) {
        in_flight_rejected(emission, why, || end_unrun(emission));
    }
}

fn rejection(error: &EmitError) -> Option<Rejection<'_>> {
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
fn key_panicked(
    rule: &OrderRule,
    topic: &str,
    panic: &PanicPayload,
    payload: Payload,
) -> EmitError {
    EmitError::KeyPanicked {
        topic: topic.into(),
        payload,
        pattern: rule.pattern.clone(),
        message: panic.message().into(),
    }
}

#[cold]
pub(super) fn queue_full(
    rule: &OrderRule,
    topic: &str,
    capacity: usize,
    full: &QueueFull,
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

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::future::{Future, IntoFuture};
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use soiree_core::{ListenerId, ListenerOptions, Pattern};
    use soiree_testkit::ManualPool;

    use super::*;
    use crate::settings::Settings;
    use soiree_core::KeyOrder;

    /// An emitter on this pool. Events under `a` have one key; those on `a.first` go to a pool that runs nothing.
    fn ordered(pool: &ManualPool) -> Arc<Emitter> {
        let mut settings = Settings::new(pool.clone());
        let elsewhere = ManualPool::new().into();
        let added = settings.bulkheads.add("elsewhere", elsewhere);
        added.expect("the name is new");
        let routed = settings.bulkheads.route("a.first", "elsewhere");
        routed.expect("there is such a bulkhead");
        let ordered = settings.orders.add("a.*", KeyOrder::by(|_| Some(1)));
        ordered.expect("the order is valid");
        Arc::new(Emitter::new(settings))
    }

    /// E3: an event costs the events before it nothing once no worker waits for it any more.
    #[test]
    fn a_wait_that_ends_leaves_no_watcher_behind() {
        let pool = ManualPool::new();
        let emitter = ordered(&pool);
        let order = emitter.current().order_of("a.b").map(Arc::clone);
        let order = order.expect("there is an order");
        let watchers = move || order.queues.watchers(&order.queues.hashed(1.into()));
        let weak = Arc::downgrade(&emitter);
        let listener = move |_: &dyn Event| {
            let emitter = weak.upgrade().expect("the test holds it");
            let emit = |topic| emitter.emit(topic, ()).expect("there is room");
            emit("a.first");
            let behind = emit("a.b");
            assert!(behind.wait_timeout(Duration::ZERO).is_none());
            assert_eq!(watchers(), 0, "the wait is over");
            {
                let mut context = Context::from_waker(Waker::noop());
                let mut future = pin!(behind.into_future());
                assert!(future.as_mut().poll(&mut context).is_pending());
                assert!(future.as_mut().poll(&mut context).is_pending());
                assert_eq!(watchers(), 1, "the future waits");
            }
            assert_eq!(watchers(), 0, "the future is dropped");
        };
        let pattern = Pattern::new("outer").expect("the pattern is valid");
        let (id, options) = (ListenerId::new("id"), ListenerOptions::new());
        let subscribed = emitter.subscribe(&pattern, id, options, Arc::new(listener));
        subscribed.expect("the listener is valid");
        let outer = emitter.emit("outer", ()).expect("there is room");
        assert!(pool.run_next());
        assert!(outer.wait().is_ok());
    }
}
