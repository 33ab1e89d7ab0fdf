//! Keeping an event for longer than its emission lasts.

use std::sync::Arc;

use soiree_core::{BaseEvent, Event};

/// A copy of an event that a listener may keep: with its ID, topic and properties, and a handle to its payload.
pub fn copy_event(event: &dyn Event) -> Arc<dyn Event> {
    let copy = BaseEvent::new(event.topic(), event.payload()).with_id(event.id());
    Arc::new(copy.with_properties(event.properties()))
}
