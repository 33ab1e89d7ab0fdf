//! The event that durable listeners see.

use std::any::Any;
use std::sync::Arc;

use soiree_core::{BaseEvent, Event, EventId, Payload, Properties};

/// A stored event, and which attempt this is.
pub(crate) struct DeliveredEvent {
    event: BaseEvent,
    attempt: u32,
}

impl DeliveredEvent {
    pub(crate) fn new(event: BaseEvent, attempt: u32) -> Self {
        Self { event, attempt }
    }
}

/// An event with everything that is stored of it.
pub(crate) fn event(
    topic: &str,
    id: EventId,
    payload: Payload,
    properties: Properties,
) -> BaseEvent {
    let event = BaseEvent::new(topic, ())
        .with_id(id)
        .with_properties(properties);
    event.set_payload(payload);
    event
}

impl Event for DeliveredEvent {
    fn id(&self) -> EventId {
        self.event.id()
    }

    fn known_id(&self) -> Option<EventId> {
        self.event.known_id()
    }

    fn topic(&self) -> &str {
        self.event.topic()
    }

    fn payload(&self) -> Payload {
        self.event.payload()
    }

    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.event.payload_ref()
    }

    fn set_payload(&self, payload: Payload) {
        self.event.set_payload(payload);
    }

    fn properties(&self) -> Properties {
        self.event.properties()
    }

    fn set_properties(&self, properties: Properties) {
        self.event.set_properties(properties);
    }

    fn is_aborted(&self) -> bool {
        self.event.is_aborted()
    }

    fn set_aborted(&self, aborted: bool) {
        self.event.set_aborted(aborted);
    }

    fn abort_reason(&self) -> Option<Arc<str>> {
        self.event.abort_reason()
    }

    fn set_abort_reason(&self, reason: Arc<str>) {
        self.event.set_abort_reason(reason);
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }
}
