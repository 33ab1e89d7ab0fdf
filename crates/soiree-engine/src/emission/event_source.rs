//! What an emission carries, and the event that its listeners see.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use once_cell::race::OnceBox;

use super::flight::Flight;
use soiree_core::{Carrier, Event, EventId, Payload, Properties, ValueCarrier as Value};

/// What an emission carries.
pub(crate) trait Cargo: Send + Sync + Sized + 'static {
    /// Calls `see` with the event.
    fn show(flight: &Arc<Flight<Self>>, see: &mut dyn FnMut(&dyn Event));

    /// The payload, for an emission that was refused.
    fn payload(flight: &Arc<Flight<Self>>) -> Payload;
}

/// A bare payload; its event is made as it is shown, in the same allocation.
pub(crate) struct Bare<T> {
    pub(crate) value: Value<T>,
    pub(crate) attributes: Attributes,
}

/// An event of the user's own.
pub(crate) struct Whole<E>(pub(crate) E);

/// What an event has beside topic and payload. Costs nothing until it is set.
#[derive(Default)]
pub(crate) struct Attributes {
    aborted: AtomicBool,
    rare: OnceBox<Rare>,
}

#[derive(Default)]
struct Rare {
    id: OnceLock<EventId>,
    changed: Mutex<Changed>,
}

#[derive(Default)]
struct Changed {
    payload: Option<Payload>,
    properties: Properties,
}

/// Where an event has its payload from.
pub(crate) trait Source: Send + Sync {
    fn value(&self) -> &(dyn Any + Send + Sync);

    fn payload(&self) -> Payload;
}

/// The event over a payload that lives elsewhere.
pub(crate) struct View<'a, S> {
    pub(crate) topic: &'a str,
    pub(crate) attributes: &'a Attributes,
    pub(crate) source: &'a S,
}

impl<T: Any + Send + Sync> Cargo for Bare<T> {
    fn show(flight: &Arc<Flight<Self>>, see: &mut dyn FnMut(&dyn Event)) {
        let attributes = &flight.cargo.attributes;
        see(&View {
            topic: flight.core.topic(),
            attributes,
            source: flight,
        });
    }

    fn payload(flight: &Arc<Flight<Self>>) -> Payload {
        Payload::from_carrier(Arc::clone(flight) as Arc<dyn Carrier>)
    }
}

impl<T: Any + Send + Sync> Carrier for Flight<Bare<T>> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        self.cargo.value.value()
    }

    fn type_name(&self) -> &'static str {
        self.cargo.value.type_name()
    }
}

impl<E: Event + 'static> Cargo for Whole<E> {
    fn show(flight: &Arc<Flight<Self>>, see: &mut dyn FnMut(&dyn Event)) {
        see(&flight.cargo.0);
    }

    fn payload(flight: &Arc<Flight<Self>>) -> Payload {
        flight.cargo.0.payload()
    }
}

/// The event of a flight, for a listener that holds on to it.
pub(super) struct Owned<C> {
    flight: Arc<Flight<C>>,
    attempt: u32,
}

impl<C: Cargo> Owned<C> {
    pub(super) fn new(flight: Arc<Flight<C>>, attempt: u32) -> Self {
        Self { flight, attempt }
    }

    fn with<R>(&self, see: impl FnOnce(&dyn Event) -> R) -> R {
        let (mut see, mut seen) = (Some(see), None);
        C::show(&self.flight, &mut |event| {
            seen = see.take().map(|see| see(event));
        });
        seen.expect("a flight shows its event")
    }
}

impl<C: Cargo> Event for Owned<C> {
    fn id(&self) -> EventId {
        self.with(|event| event.id())
    }

    fn topic(&self) -> &str {
        self.flight.core.topic()
    }

    fn payload(&self) -> Payload {
        self.with(|event| event.payload())
    }

    fn set_payload(&self, payload: Payload) {
        self.with(|event| event.set_payload(payload));
    }

    fn properties(&self) -> Properties {
        self.with(|event| event.properties())
    }

    fn set_properties(&self, properties: Properties) {
        self.with(|event| event.set_properties(properties));
    }

    fn is_aborted(&self) -> bool {
        self.with(|event| event.is_aborted())
    }

    fn set_aborted(&self, aborted: bool) {
        self.with(|event| event.set_aborted(aborted));
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl Attributes {
    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    fn changed(&self) -> MutexGuard<'_, Changed> {
        let changed = self.rare().changed.lock();
        changed.unwrap_or_else(PoisonError::into_inner)
    }

    fn changed_before(&self) -> Option<MutexGuard<'_, Changed>> {
        self.rare.get().map(|_| self.changed())
    }
}

/// One that gets an allocation of its own when it is first asked for.
impl<F: FnOnce() -> Payload + Send> Source for LazyLock<Payload, F> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        (**self).value()
    }

    fn payload(&self) -> Payload {
        (**self).clone()
    }
}

impl<C: Carrier + 'static> Source for Arc<C> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        (**self).value()
    }

    fn payload(&self) -> Payload {
        Payload::from_carrier(Arc::clone(self) as Arc<dyn Carrier>)
    }
}

impl<S: Source> Event for View<'_, S> {
    fn id(&self) -> EventId {
        *self.attributes.rare().id.get_or_init(EventId::new)
    }

    fn known_id(&self) -> Option<EventId> {
        self.attributes.rare.get()?.id.get().copied()
    }

    fn topic(&self) -> &str {
        self.topic
    }

    fn payload(&self) -> Payload {
        let changed = self.attributes.changed_before();
        let replaced = changed.and_then(|changed| changed.payload.clone());
        replaced.unwrap_or_else(|| self.source.payload())
    }

    fn lend_payload(&self) -> Option<&(dyn Any + Send + Sync)> {
        let changed = self.attributes.changed_before();
        let is_replaced = changed.is_some_and(|changed| changed.payload.is_some());
        (!is_replaced).then(|| self.source.value())
    }

    fn set_payload(&self, payload: Payload) {
        let old = self.attributes.changed().payload.replace(payload);
        // Not under the lock: its `Drop` is user code.
        drop(old);
    }

    fn properties(&self) -> Properties {
        let changed = self.attributes.changed_before();
        changed.map_or_else(Properties::new, |changed| changed.properties.clone())
    }

    fn set_properties(&self, properties: Properties) {
        self.attributes.changed().properties = properties;
    }

    fn is_aborted(&self) -> bool {
        self.attributes.aborted.load(Ordering::Acquire)
    }

    fn set_aborted(&self, aborted: bool) {
        self.attributes.aborted.store(aborted, Ordering::Release);
    }
}
