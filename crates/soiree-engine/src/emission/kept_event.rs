//! Keeping an event for longer than its emission lasts.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use soiree_core::{Carrier, Event, EventId, Payload, Properties, ValueCarrier};

use crate::topic_text::TopicText;

/// A copy of an event that a listener may keep: with its ID, topic and properties, and a handle to its payload.
pub fn copy_event(event: &dyn Event) -> Arc<dyn Event> {
    if let Some(copy) = event.keep() {
        return copy;
    }
    let properties = event.properties();
    let changes = match properties.is_empty() {
        true => OnceLock::new(),
        false => OnceLock::from(Box::new(Mutex::new(Changes {
            properties,
            ..Changes::default()
        }))),
    };
    let payload = event.payload();
    // Last: an event that has had nothing but its payload makes room for more then, and from then on takes a lock for its payload.
    let id = event.id();
    Arc::new(KeptEvent {
        changes,
        ..KeptEvent::new(event.topic(), Identified { id, payload })
    })
}

/// An event that outlives its emission. As a [`BaseEvent`](soiree_core::BaseEvent), in one allocation unless it has a long topic or
/// properties: an inbox keeps one for each event.
pub(super) struct KeptEvent<P> {
    topic: TopicText,
    payload: P,
    changes: OnceLock<Box<Mutex<Changes>>>,
    aborted: AtomicBool,
}

/// What few events have.
#[derive(Default)]
struct Changes {
    /// In place of the original one.
    payload: Option<Payload>,
    properties: Properties,
    abort_reason: Option<Arc<str>>,
}

/// The payload of a [`KeptEvent`], and its ID.
pub(super) trait KeptPayload: Send + Sync {
    fn id(&self) -> EventId;

    fn known_id(&self) -> Option<EventId>;

    fn value(&self) -> &(dyn Any + Send + Sync);

    fn handle(&self) -> Payload;
}

struct Identified {
    id: EventId,
    payload: Payload,
}

/// A payload in one allocation with the ID of its event, which is made when somebody asks for it: here, or in a copy of the event.
pub(super) struct IdCarrier<T> {
    id: OnceLock<EventId>,
    value: ValueCarrier<T>,
}

impl<T> IdCarrier<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            id: OnceLock::new(),
            value: ValueCarrier::new(value),
        }
    }

    pub(super) fn id_cell(&self) -> &OnceLock<EventId> {
        &self.id
    }
}

impl<T: Any + Send + Sync> Carrier for IdCarrier<T> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        self.value.value()
    }

    fn type_name(&self) -> &'static str {
        self.value.type_name()
    }

    fn carried_payload(&self) -> Option<&Payload> {
        self.value.carried_payload()
    }

    fn into_value(self: Arc<Self>) -> Result<Box<dyn Any + Send + Sync>, Arc<dyn Carrier>> {
        match Arc::try_unwrap(self) {
            Ok(carrier) => Ok(Box::new(carrier.value.into_inner())),
            Err(shared) => Err(shared),
        }
    }
}

impl KeptPayload for Identified {
    fn id(&self) -> EventId {
        self.id
    }

    fn known_id(&self) -> Option<EventId> {
        Some(self.id)
    }

    fn value(&self) -> &(dyn Any + Send + Sync) {
        self.payload.value()
    }

    fn handle(&self) -> Payload {
        self.payload.clone()
    }
}

impl<T: Any + Send + Sync> KeptPayload for Arc<IdCarrier<T>> {
    fn id(&self) -> EventId {
        *self.id.get_or_init(EventId::new)
    }

    fn known_id(&self) -> Option<EventId> {
        self.id.get().copied()
    }

    fn value(&self) -> &(dyn Any + Send + Sync) {
        self.value.value()
    }

    fn handle(&self) -> Payload {
        Payload::from_carrier(Self::clone(self))
    }
}

impl<P> KeptEvent<P> {
    pub(super) fn new(topic: &str, payload: P) -> Self {
        Self {
            topic: TopicText::new(topic),
            payload,
            changes: OnceLock::new(),
            aborted: AtomicBool::new(false),
        }
    }
}

impl<P: KeptPayload> KeptEvent<P> {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        let changes = self.changes.get_or_init(Box::default).lock();
        changes.unwrap_or_else(PoisonError::into_inner)
    }

    /// What `see` returns for the changes. `None` if there are none.
    fn changed<T>(&self, see: impl FnOnce(&Changes) -> Option<T>) -> Option<T> {
        self.changes.get().and_then(|_| see(&self.changes()))
    }
}

impl<P: KeptPayload> Event for KeptEvent<P> {
    fn id(&self) -> EventId {
        self.payload.id()
    }

    fn known_id(&self) -> Option<EventId> {
        self.payload.known_id()
    }

    fn topic(&self) -> &str {
        self.topic.as_str()
    }

    fn payload(&self) -> Payload {
        let changed = self.changed(|changes| changes.payload.clone());
        changed.unwrap_or_else(|| self.payload.handle())
    }

    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        let is_changed = self.changed(|changes| changes.payload.as_ref().map(drop));
        is_changed.is_none().then(|| self.payload.value())
    }

    fn set_payload(&self, payload: Payload) {
        let old = self.changes().payload.replace(payload);
        // Not under the lock: its `Drop` is user code.
        drop(old);
    }

    fn properties(&self) -> Properties {
        let changed = self.changed(|changes| Some(changes.properties.clone()));
        changed.unwrap_or_default()
    }

    fn set_properties(&self, properties: Properties) {
        self.changes().properties = properties;
    }

    fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    fn set_aborted(&self, aborted: bool) {
        self.aborted.store(aborted, Ordering::Release);
    }

    fn abort_reason(&self) -> Option<Arc<str>> {
        self.changed(|changes| changes.abort_reason.clone())
    }

    fn set_abort_reason(&self, reason: Arc<str>) {
        self.changes().abort_reason = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use soiree_core::{BaseEvent, Properties};

    use super::*;

    /// A4: a copy is an event like any other, whatever the length of its topic.
    #[test]
    fn a_copy_can_be_changed_as_any_event() {
        for topic in ["a".to_owned(), "b".repeat(27), "c".repeat(28)] {
            let event = BaseEvent::new(topic.as_str(), 1_u64).with_property("request", 17);
            let (copy, other) = (copy_event(&event), copy_event(&event));
            assert_eq!((copy.id(), copy.topic()), (event.id(), topic.as_str()));
            assert_eq!(copy.known_id(), Some(event.id()));
            assert_eq!(copy.with_payload(|payload: &u64| *payload), Some(1));
            assert_eq!(copy.properties(), event.properties());
            copy.set_payload(Payload::new(2_u64));
            assert_eq!(copy.with_payload(|payload: &u64| *payload), Some(2));
            assert_eq!(copy.payload_as::<u64>().as_deref(), Some(&2));
            copy.set_properties(Properties::new());
            assert!(copy.properties().is_empty());
            assert!(!copy.is_aborted() && copy.abort_reason().is_none());
            copy.abort("seen");
            assert_eq!(copy.abort_reason().as_deref(), Some("seen"));
            assert!(copy.is_aborted() && !other.is_aborted());
            assert_eq!(*other.payload_as::<u64>().unwrap(), 1);
            assert_eq!(other.properties(), event.properties());
        }
    }
}
