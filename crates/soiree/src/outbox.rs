//! Typed topics as durable ones.

use std::any::Any;

use soiree_outbox::DurableTopic;

use crate::typed::{TypedPattern, TypedTopic};

impl<T: Any + Send + Sync> DurableTopic for TypedTopic<T> {
    type Payload = T;

    fn pattern(&self) -> String {
        self.name().into()
    }
}

impl<T: Any + Send + Sync> DurableTopic for TypedPattern<T> {
    type Payload = T;

    fn pattern(&self) -> String {
        self.as_str().into()
    }
}
