//! Listeners that are called by address.

use std::fmt;
use std::sync::{Arc, PoisonError, Weak};

use soiree_core::panic::contained;
use soiree_core::registry::{Registration, RegistrationKey};
use soiree_core::sync::{Mutex, MutexGuard};
use soiree_core::{
    EmissionRejected, Event, Listener, ListenerId, ListenerOptions, Pattern, PoolHandle, Rejection,
    SubmitErrorReason, SubscribeError, validate_topic,
};

use super::current::Current;
use super::emit::Emitter;
use super::generation::Generations;
use super::launch::reject;
use super::not_admitted::NotAdmitted;
use crate::emission::{
    CustomEvent, Emission, EmissionSettings, EmissionTask, EmitError, EmitterShared, InFlight,
    ListenerJob, WhenFull, deliver, end_unrun, in_flight_started, trace_started,
};

/// A listener that is called for the events that are delivered to this address, and for no others: no `emit` finds it. Returned by
/// [`Soiree::address`](crate::Soiree::address).
///
/// Its holder decides which events the listener gets, and when: an outbox delivers stored events to its durable listeners one by
/// one. Each delivery is an emission whose only listener is this one. Filters, timeouts, retries, limits of calls at once, handlers and
/// observers apply as to any other listener. In detail:
///
/// - The listener runs on the bulkhead that its options name, or on the one that the topic of the event is routed to. It waits there
///   like any other job. If that bulkhead is full, the delivery waits, or is rejected and nothing was called.
/// - The listener is called whether or not its pattern matches the topic. The pattern says where it is shown, in errors and graphs.
/// - An order by key of the `EventPool` does not apply to deliveries. One of the listener's options does, from the moment of the delivery.
/// - An event that the filter turns down is not an unheard event. The report says that nothing was delivered.
/// - A close waits for deliveries that were accepted, and removes the listener.
///
/// Dropping the address removes the listener, and with it what it has captured, when its deliveries have ended. As with other listeners
/// that are removed, there is no further retry. The address does not keep the `EventPool` alive.
#[must_use = "the listener is removed when this is dropped"]
pub struct Address {
    key: RegistrationKey,
    shared: Weak<EmitterShared>,
    /// Where the settings are.
    generations: Weak<Generations>,
    /// The calls that may have to be withdrawn.
    delivered: Mutex<Vec<Weak<ListenerJob>>>,
}

impl Emitter {
    /// Adds a listener that is called by address. See [`Address`].
    ///
    /// # Errors
    /// As [`subscribe`](Emitter::subscribe), but the listener may be durable.
    pub fn address(
        &self,
        pattern: &Pattern,
        id: ListenerId,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Address, SubscribeError> {
        let registration = Registration::new(pattern, id, options, listener)?;
        self.check(&registration)?;
        let key = self.shared.addressed.register(pattern, registration)?;
        Ok(Address {
            key,
            shared: Arc::downgrade(&self.shared),
            generations: Arc::downgrade(&self.generations),
            delivered: Mutex::default(),
        })
    }
}

impl Address {
    /// Delivers an event to the listener, as an emission that has no other listener. Never waits.
    ///
    /// # Errors
    /// If the topic is malformed, the `EventPool` is closed, or the listener's pool rejects the event. If there is no room just now,
    /// [`EmitError::is_full`] says so: the pool is full, or as many calls of the listener wait for their turn as may wait. The payload
    /// comes back.
    pub fn try_deliver(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        self.start(event, WhenFull::Rejected)
            .map(|(emission, _)| emission)
    }

    /// As [`try_deliver`](Self::try_deliver), but if there is no room, the delivery waits for a place as other accepted work does: in the
    /// line of its pool, before what is submitted later. How many deliveries wait is not limited: the caller does that. Does not block.
    ///
    /// # Errors
    /// If the topic is malformed, or the `EventPool` or the listener's pool is closed. The payload comes back.
    pub fn deliver(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        let (emission, job) = self.start(event, WhenFull::Waits)?;
        if let Some(job) = job {
            let mut delivered = self.delivered();
            if delivered.len() == delivered.capacity() {
                delivered.retain(|job| job.strong_count() > 0);
            }
            delivered.push(Arc::downgrade(&job));
        }
        Ok(emission)
    }

    /// Ends the [deliveries](Self::deliver) that have not started: the listener is not called for them. Their reports say that they were
    /// discarded, and error handlers are not called. What runs goes on.
    pub fn withdraw(&self) {
        let delivered = std::mem::take(&mut *self.delivered());
        for job in delivered.iter().filter_map(Weak::upgrade) {
            job.withdraw();
        }
    }

    fn delivered(&self) -> MutexGuard<'_, Vec<Weak<ListenerJob>>> {
        self.delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, event: Arc<dyn Event>, when_full: WhenFull) -> Result<Delivered, EmitError> {
        let event = event.detached().unwrap_or(event);
        let topic: Box<str> = event.topic().into();
        let Some(current) = self.current() else {
            return Err(NotAdmitted::Closed.with(&topic, event.payload()));
        };
        let Some(shared) = self.shared.upgrade() else {
            return Err(NotAdmitted::Closed.with(&topic, event.payload()));
        };
        let admitted = match validate_topic(&topic) {
            Ok(()) if shared.try_start() => Ok(()),
            Ok(()) => Err(NotAdmitted::Closed),
            Err(source) => Err(NotAdmitted::InvalidTopic(source)),
        };
        if let Err(rejected) = admitted {
            rejected.notify(&topic, &current.settings.handlers);
            return Err(rejected.with(&topic, event.payload()));
        }
        let Some(registration) = self.key.upgrade() else {
            // A close that missed its deadline has removed it.
            shared.task_ended();
            return Err(NotAdmitted::Closed.with(&topic, event.payload()));
        };
        let (handle, settings) = current.route_to(&registration, &topic);
        if registration.is_async() && !handle.pool().polls_futures() {
            let error = no_bulkhead(&registration, &topic, &*event, &current);
            shared.task_ended();
            return Err(error);
        }
        let delivered = submit(&registration, handle, settings, &topic, event, when_full);
        contained(move || drop(registration));
        delivered
    }

    /// The settings that apply now. `None` if the emitter is gone.
    fn current(&self) -> Option<Arc<Current>> {
        let generations = self.generations.upgrade()?;
        let current = generations.inside(|generation| Arc::clone(&generation.current));
        contained(move || drop(generations));
        Some(current)
    }
}

/// A delivery that was accepted, and its call unless that has ended.
type Delivered = (Emission, Option<Arc<ListenerJob>>);

fn submit(
    registration: &Arc<Registration>,
    handle: &PoolHandle,
    settings: &Arc<EmissionSettings>,
    topic: &str,
    event: Arc<dyn Event>,
    when_full: WhenFull,
) -> Result<Delivered, EmitError> {
    let source = CustomEvent(event.into());
    let emission = EmissionTask::addressed(Arc::clone(settings), topic, source);
    let emission: Arc<dyn InFlight> = Arc::new(emission);
    trace_started(&emission);
    in_flight_started(&emission);
    match deliver(&emission, registration, handle.pool(), when_full) {
        Ok(job) => Ok((Emission::new(emission), job)),
        Err(reason) => Err(reject(&emission, reason, || end_unrun(&emission))),
    }
}

/// The bulkhead of an async listener was removed.
#[cold]
fn no_bulkhead(
    registration: &Registration,
    topic: &str,
    event: &dyn Event,
    current: &Current,
) -> EmitError {
    let (pool, source) = (registration.pool(), SubmitErrorReason::Closed);
    let pool: Box<str> = pool.map_or("", |pool| pool).into();
    let why = Rejection::Pool {
        pool: &pool,
        reason: &source,
    };
    crate::trace::rejected(topic, why);
    let rejected = EmissionRejected::new(topic, why);
    let observers = &current.settings.handlers.observers;
    observers.notify(|observer| observer.emission_rejected(&rejected));
    EmitError::Rejected {
        pool,
        topic: topic.into(),
        payload: event.payload(),
        source,
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.addressed.remove_key(&self.key);
            shared.retries.end_unsubscribed();
            contained(move || drop(shared));
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.key).finish()
    }
}
