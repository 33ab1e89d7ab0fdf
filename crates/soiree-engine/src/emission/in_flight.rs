//! An emission between `emit` and its end.

use std::any::Any;
use std::sync::Arc;

use soiree_core::panic::caught;
use soiree_core::{BaseEvent, Carrier, Event, EventId, Payload, Properties, Task};

use super::event_source::{CustomEvent, EventView, PayloadEvent, PayloadSource};
use super::kept_event::{KeptEvent, KeptPayload};
use super::ordered::OrderedEntry;
use super::shared::EmissionSettings;
use super::state::EmissionState;
use crate::running::{ListedEmission, list_emission};
use crate::trace::EmissionSpan;

/// State, payload and outcome of one emission, in one allocation.
pub(crate) struct EmissionTask<S> {
    pub(super) state: EmissionState,
    pub(crate) source: S,
}

/// An emission whose payload type is erased: all code but `emit` itself is compiled once, and not for each payload type.
pub(crate) trait InFlight: Send + Sync {
    fn state(&self) -> &EmissionState;

    fn event(&self) -> EventRef<'_>;

    /// The ID of the event, unless nobody has asked for it yet.
    fn known_id(&self) -> Option<EventId>;

    /// Whether the payload is in the allocation of the emission, so that its handles keep the emission.
    fn has_payload_inside(&self) -> bool;

    /// The event, if it was emitted as a shared one.
    fn shared_event(&self) -> Option<&Arc<dyn Event>>;

    /// The payload, for an emission that was rejected.
    fn into_payload(self: Arc<Self>) -> Payload;

    /// What its pool runs.
    fn into_task(self: Arc<Self>) -> Arc<dyn Task>;

    /// What stands in the queue of its key.
    fn into_entry(self: Arc<Self>) -> Arc<dyn OrderedEntry>;
}

/// The event of an emission, or what it is made of.
pub(crate) enum EventRef<'a> {
    Payload(&'a (dyn Any + Send + Sync)),
    Custom(&'a dyn Event),
}

/// Common allocators free an allocation of up to this size, reference counts and a small payload included, from another thread without
/// a lock.
#[cfg(not(any(feature = "tracing", soiree_model)))]
const _: () = assert!(size_of::<EmissionTask<PayloadEvent<u64>>>() <= 104);

impl<S> EmissionTask<S> {
    #[inline]
    pub(crate) fn new(settings: Arc<EmissionSettings>, topic: &str, source: S) -> Self {
        let state = EmissionState::new(settings, topic);
        Self { state, source }
    }

    /// An emission of an event of the user's own type.
    pub(crate) fn custom(settings: Arc<EmissionSettings>, topic: &str, source: S) -> Self {
        let mut custom = Self::new(settings, topic, source);
        custom.state.is_custom = true;
        custom
    }

    /// An emission that runs already, on the thread that makes it. It has been counted as started.
    pub(crate) fn running(
        settings: Arc<EmissionSettings>,
        topic: &str,
        source: S,
        span: EmissionSpan,
    ) -> Self {
        let state = EmissionState::running(settings, topic, span);
        Self { state, source }
    }

    /// An emission that is about to be delivered to one listener. It has been counted as started.
    pub(crate) fn addressed(settings: Arc<EmissionSettings>, topic: &str, source: S) -> Self {
        let state = EmissionState::addressed(settings, topic);
        Self { state, source }
    }
}

impl<T: Any + Send + Sync> InFlight for EmissionTask<PayloadEvent<T>> {
    fn state(&self) -> &EmissionState {
        &self.state
    }

    fn event(&self) -> EventRef<'_> {
        EventRef::Payload(self.value())
    }

    fn known_id(&self) -> Option<EventId> {
        self.state.attributes.known_id()
    }

    fn has_payload_inside(&self) -> bool {
        self.source.0.carried_payload().is_none()
    }

    fn shared_event(&self) -> Option<&Arc<dyn Event>> {
        None
    }

    fn into_payload(self: Arc<Self>) -> Payload {
        Payload::from_carrier(self)
    }

    fn into_task(self: Arc<Self>) -> Arc<dyn Task> {
        self
    }

    fn into_entry(self: Arc<Self>) -> Arc<dyn OrderedEntry> {
        self
    }
}

impl<T: Any + Send + Sync> Carrier for EmissionTask<PayloadEvent<T>> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        self.source.0.value()
    }

    fn type_name(&self) -> &'static str {
        self.source.0.type_name()
    }

    fn carried_payload(&self) -> Option<&Payload> {
        self.source.0.carried_payload()
    }

    fn into_value(self: Arc<Self>) -> Result<Box<dyn Any + Send + Sync>, Arc<dyn Carrier>> {
        match Arc::try_unwrap(self) {
            Ok(emission) => Ok(Box::new(emission.source.0.into_inner())),
            Err(shared) => Err(shared),
        }
    }
}

impl<E: Event + 'static> InFlight for EmissionTask<CustomEvent<E>> {
    fn state(&self) -> &EmissionState {
        &self.state
    }

    fn event(&self) -> EventRef<'_> {
        EventRef::Custom(&*self.source.0)
    }

    fn known_id(&self) -> Option<EventId> {
        caught(|| self.source.0.known_id()).ok()?
    }

    fn has_payload_inside(&self) -> bool {
        false
    }

    fn shared_event(&self) -> Option<&Arc<dyn Event>> {
        (&*self.source.0 as &dyn Any).downcast_ref()
    }

    fn into_payload(self: Arc<Self>) -> Payload {
        self.source.0.payload()
    }

    fn into_task(self: Arc<Self>) -> Arc<dyn Task> {
        self
    }

    fn into_entry(self: Arc<Self>) -> Arc<dyn OrderedEntry> {
        self
    }
}

/// As [`list_running`], for a part of the emission that runs apart.
#[inline(never)]
pub(super) fn list_part(emission: &Arc<dyn InFlight>) -> ListedEmission {
    list_running(emission, emission.state())
}

/// The calling thread calls listeners of an emission until what is returned is dropped.
#[inline(always)]
pub(super) fn list_running(emission: &Arc<dyn InFlight>, state: &EmissionState) -> ListedEmission {
    let emitter = Arc::as_ptr(&state.settings.shared).addr();
    let may_have_id = state.is_custom || state.attributes.may_have_id();
    let id = || may_have_id.then(|| emission.known_id()).flatten();
    list_emission(
        emitter,
        state.attributes.address(),
        state.topic(),
        may_have_id,
        id,
    )
}

/// A payload inside the allocation of its emission.
struct InFlightPayload<'a>(&'a Arc<dyn InFlight>);

impl PayloadSource for InFlightPayload<'_> {
    fn payload(&self) -> Payload {
        Arc::clone(self.0).into_payload()
    }

    fn copy(&self, topic: &str) -> Option<Arc<dyn Event>> {
        let kept = self.0.has_payload_inside().then(|| Arc::clone(self.0))?;
        Some(Arc::new(KeptEvent::new(topic, kept)))
    }
}

/// Copies of the event find its ID in the emission, which their payload keeps.
impl KeptPayload for Arc<dyn InFlight> {
    fn id(&self) -> EventId {
        with_event(self, |event| event.id())
    }

    fn known_id(&self) -> Option<EventId> {
        (**self).known_id()
    }

    fn value(&self) -> &(dyn Any + Send + Sync) {
        match self.event() {
            EventRef::Payload(value) => value,
            EventRef::Custom(_) => unreachable!("it has its payload inside"),
        }
    }

    fn handle(&self) -> Payload {
        Self::clone(self).into_payload()
    }
}

/// Calls `see` with the event of an emission.
pub(crate) fn with_event<R>(emission: &Arc<dyn InFlight>, see: impl FnOnce(&dyn Event) -> R) -> R {
    with_event_of(emission, emission.state(), see)
}

/// As [`with_event`], for a caller that has the emission's state.
#[inline]
pub(super) fn with_event_of<R>(
    emission: &Arc<dyn InFlight>,
    state: &EmissionState,
    see: impl FnOnce(&dyn Event) -> R,
) -> R {
    match emission.event() {
        EventRef::Custom(event) => see(event),
        EventRef::Payload(value) => see(&EventView {
            topic: state.topic(),
            attributes: &state.attributes,
            value,
            source: &InFlightPayload(emission),
        }),
    }
}

/// The event of an emission, for an async listener, which keeps it.
pub(super) struct OwnedEvent {
    emission: Arc<dyn InFlight>,
    attempt: u32,
}

impl OwnedEvent {
    /// The event, as an attempt of an async listener sees it.
    pub(super) fn shared(emission: &Arc<dyn InFlight>, attempt: u32) -> Arc<dyn Event> {
        emission.state().attributes.keep();
        match emission.shared_event() {
            Some(event) if attempt == 1 => Arc::clone(event),
            _ => Arc::new(Self {
                emission: Arc::clone(emission),
                attempt,
            }),
        }
    }

    fn with<R>(&self, see: impl FnOnce(&dyn Event) -> R) -> R {
        with_event(&self.emission, see)
    }
}

impl Event for OwnedEvent {
    fn id(&self) -> EventId {
        self.with(|event| event.id())
    }

    fn known_id(&self) -> Option<EventId> {
        self.with(|event| event.known_id())
    }

    fn topic(&self) -> &str {
        self.emission.state().topic()
    }

    fn payload(&self) -> Payload {
        self.with(|event| event.payload())
    }

    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        match self.emission.event() {
            EventRef::Custom(event) => event.payload_ref(),
            EventRef::Payload(value) => {
                let attributes = &self.emission.state().attributes;
                (!attributes.is_payload_replaced()).then_some(value)
            }
        }
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

    fn abort_reason(&self) -> Option<Arc<str>> {
        self.with(|event| event.abort_reason())
    }

    fn set_abort_reason(&self, reason: Arc<str>) {
        self.with(|event| event.set_abort_reason(reason));
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn detached(&self) -> Option<Arc<dyn Event>> {
        match self.emission.event() {
            EventRef::Payload(..) => {
                let copy = BaseEvent::new(self.topic(), self.payload())
                    .with_id(self.id())
                    .with_properties(self.properties());
                copy.set_aborted(self.is_aborted());
                Some(Arc::new(copy))
            }
            EventRef::Custom(_) if self.attempt == 1 => None,
            EventRef::Custom(_) => Some(Self::shared(&self.emission, 1)),
        }
    }

    fn keep(&self) -> Option<Arc<dyn Event>> {
        self.with(|event| event.keep())
    }
}
