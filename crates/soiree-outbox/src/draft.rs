//! Events that are emitted, before they are written down.

use std::sync::Arc;

use soiree_core::{BaseEvent, Event, EventId, Payload, Properties};

/// What is emitted: everything that an event has.
pub(crate) struct Draft {
    pub(crate) id: EventId,
    pub(crate) topic: Box<str>,
    pub(crate) payload: Payload,
    pub(crate) properties: Properties,
    /// The event, if the caller has made one.
    original: Option<Arc<dyn Event>>,
}

impl Draft {
    pub(crate) fn new(topic: &str, payload: Payload) -> Self {
        Self {
            id: EventId::new(),
            topic: topic.into(),
            payload,
            properties: Properties::new(),
            original: None,
        }
    }

    pub(crate) fn of(event: &dyn Event) -> Self {
        Self {
            id: event.id(),
            topic: event.topic().into(),
            payload: event.payload(),
            properties: event.properties(),
            original: None,
        }
    }

    pub(crate) fn from_event(event: Arc<dyn Event>) -> Self {
        Self {
            original: Some(Arc::clone(&event)),
            ..Self::of(&*event)
        }
    }

    /// The event that ordinary listeners get.
    pub(crate) fn into_event(self) -> Arc<dyn Event> {
        self.original.unwrap_or_else(|| {
            let event = BaseEvent::new(self.topic, ())
                .with_id(self.id)
                .with_properties(self.properties);
            event.set_payload(self.payload);
            Arc::new(event)
        })
    }
}
