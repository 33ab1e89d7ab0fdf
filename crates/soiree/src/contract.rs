//! `EventPool` and groups of listeners as a `Soiree`, the trait that integrations use.

use std::sync::Arc;
use std::time::Instant;

use soiree_core::{
    Event, InvalidTopic, Listener, ListenerId, ListenerInfo, ListenerOptions, Observers, Pattern,
    Payload, SubscribeError, Timer, UnsubscribeError, validate_topic,
};
use soiree_engine::{
    Address, CloseError, CloseFuture, Emission, EmitError, EmitFuture, Emitter, Graph, Report,
    ReservedTopics, Soiree, Unsubscriber,
};

use crate::handle::EventPool;
use crate::subscription::Subscriptions;

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

    fn emitter_for(&self, _topic: &str) -> Option<&Emitter> {
        Some(&self.inner.emitter)
    }

    fn try_publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        self.try_emit(topic, payload)
    }

    fn try_publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        self.try_emit_event(event)
    }

    fn publish_async<'a>(&'a self, topic: &'a str, payload: Payload) -> EmitFuture<'a> {
        Box::pin(self.emit_async(topic, payload))
    }

    fn publish_event_async(&self, event: Arc<dyn Event>) -> EmitFuture<'_> {
        Box::pin(self.emit_event_async(event))
    }

    fn address(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Address, SubscribeError> {
        let pattern = Pattern::new(pattern)?;
        let id = self.inner.next_id();
        let emitter = &self.inner.emitter;
        emitter.address(&pattern, id, options, listener)
    }

    fn reserve(&self, pattern: &str) -> Result<ReservedTopics, SubscribeError> {
        ReservedTopics::new(&self.inner, Pattern::new(pattern)?)
    }

    fn shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        self.inner.emitter.close(deadline)
    }

    fn can_shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        self.inner.emitter.can_close(deadline)
    }

    fn shut_down_async(&self, deadline: Option<Instant>) -> CloseFuture<'_> {
        Box::pin(self.closing(deadline))
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

    fn observers(&self) -> Observers {
        self.inner.emitter.observers()
    }
}

impl Soiree for Subscriptions {
    fn subscribe(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        let soiree = self.soiree.upgrade().ok_or(SubscribeError::Closed)?;
        let pattern = Pattern::new(pattern)?;
        let (id, key) = soiree.register(&pattern, options, listener)?;
        self.add(key);
        Ok(id)
    }

    fn unsubscribe(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        let checked = Pattern::new(pattern)?;
        self.forget_one(&checked, id);
        match self.soiree.upgrade() {
            Some(soiree) => soiree.unsubscribe(pattern, id),
            // Its listeners are gone with the `EventPool`.
            None => Ok(()),
        }
    }

    fn unsubscriber(&self, pattern: &str, id: &ListenerId) -> Unsubscriber {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.unsubscriber(pattern, id),
            None => Box::new(|| {}),
        }
    }

    fn timer(&self) -> Option<Arc<dyn Timer>> {
        self.soiree.upgrade()?.timer()
    }

    fn publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.publish(topic, payload),
            None => Err(closed(topic, payload)),
        }
    }

    fn publish_sync(&self, topic: &str, payload: Payload) -> Result<Report, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.publish_sync(topic, payload),
            None => Err(closed(topic, payload)),
        }
    }

    fn publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.publish_event(event),
            None => Err(closed(event.topic(), event.payload())),
        }
    }

    fn try_publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.try_publish(topic, payload),
            None => Err(closed(topic, payload)),
        }
    }

    fn try_publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.try_publish_event(event),
            None => Err(closed(event.topic(), event.payload())),
        }
    }

    fn publish_async<'a>(&'a self, topic: &'a str, payload: Payload) -> EmitFuture<'a> {
        Box::pin(async move {
            match self.soiree.upgrade() {
                Some(soiree) => soiree.emit_async(topic, payload).await,
                None => Err(closed(topic, payload)),
            }
        })
    }

    fn publish_event_async(&self, event: Arc<dyn Event>) -> EmitFuture<'_> {
        Box::pin(async move {
            match self.soiree.upgrade() {
                Some(soiree) => soiree.emit_event_async(event).await,
                None => Err(closed(event.topic(), event.payload())),
            }
        })
    }

    fn address(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Address, SubscribeError> {
        let soiree = self.soiree.upgrade().ok_or(SubscribeError::Closed)?;
        soiree.address(pattern, options, listener)
    }

    fn reserve(&self, pattern: &str) -> Result<ReservedTopics, SubscribeError> {
        let soiree = self.soiree.upgrade().ok_or(SubscribeError::Closed)?;
        soiree.reserve(pattern)
    }

    fn shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        let soiree = self.soiree.upgrade().ok_or(CloseError::AlreadyClosed)?;
        soiree.shut_down(deadline)
    }

    fn can_shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        let soiree = self.soiree.upgrade().ok_or(CloseError::AlreadyClosed)?;
        soiree.can_shut_down(deadline)
    }

    fn shut_down_async(&self, deadline: Option<Instant>) -> CloseFuture<'_> {
        match self.soiree.upgrade() {
            Some(soiree) => Box::pin(soiree.closing(deadline)),
            None => Box::pin(async { Err(CloseError::AlreadyClosed) }),
        }
    }

    fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.has_listeners(topic),
            None => validate_topic(topic).map(|()| false),
        }
    }

    fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.listeners_for(topic),
            None => validate_topic(topic).map(|()| Vec::new()),
        }
    }

    fn graph(&self) -> Graph {
        let soiree = self.soiree.upgrade();
        soiree.map(|soiree| soiree.graph()).unwrap_or_default()
    }

    fn observers(&self) -> Observers {
        let soiree = self.soiree.upgrade();
        soiree.map_or_else(Observers::none, |soiree| Soiree::observers(&soiree))
    }
}

fn closed(topic: &str, payload: Payload) -> EmitError {
    EmitError::Closed {
        topic: topic.into(),
        payload,
    }
}
