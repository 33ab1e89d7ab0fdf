//! `EventPool` as a `Soiree`, the trait that integrations use.

use std::sync::Arc;

use soiree_core::{
    Event, InvalidTopic, Listener, ListenerId, ListenerInfo, ListenerOptions, Pattern, Payload,
    SubscribeError, Timer, UnsubscribeError,
};
use soiree_engine::{Emission, EmitError, EmitFuture, Graph, Report, Soiree, Unsubscriber};

use crate::handle::EventPool;

impl Soiree for EventPool {
    fn subscribe(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        self.add(&Pattern::new(pattern)?, options, listener)
    }

    fn unsubscribe(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.off(pattern, id)
    }

    fn unsubscriber(&self, pattern: &str, id: &ListenerId) -> Unsubscriber {
        let guard = self.guard(pattern, id.clone());
        Box::new(move || drop(guard))
    }

    fn timer(&self) -> Option<Arc<dyn Timer>> {
        self.inner.emitter.timer()
    }

    fn publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        self.emit(topic, payload)
    }

    fn publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        self.emit_event(event)
    }

    fn publish_sync(&self, topic: &str, payload: Payload) -> Result<Report, EmitError> {
        self.emit_sync(topic, payload)
    }

    fn try_publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        self.try_emit(topic, payload)
    }

    fn publish_async<'a>(&'a self, topic: &'a str, payload: Payload) -> EmitFuture<'a> {
        Box::pin(self.emit_async(topic, payload))
    }

    fn publish_event_async(&self, event: Arc<dyn Event>) -> EmitFuture<'_> {
        Box::pin(self.emit_event_async(event))
    }

    fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        self.has_listeners(topic)
    }

    fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        self.listeners_for(topic)
    }

    fn graph(&self) -> Graph {
        self.graph()
    }
}
