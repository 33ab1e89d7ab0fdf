//! The event of a retry.

use std::any::Any;
use std::sync::Arc;

use soiree_core::{Event, EventId, Payload, Properties};

/// The event as a listener sees it in a retry.
pub(crate) struct RetriedEvent<'a> {
    pub(crate) event: &'a dyn Event,
    pub(crate) attempt: u32,
}

impl Event for RetriedEvent<'_> {
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

    fn detached(&self) -> Option<Arc<dyn Event>> {
        self.event.detached()
    }

    fn keep(&self) -> Option<Arc<dyn Event>> {
        self.event.keep()
    }
}
