//! `Outbox` as a `Soiree`, the trait that integrations use.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{
    Event, InvalidTopic, Listener, ListenerId, ListenerInfo, ListenerOptions, Observers, Payload,
    SubscribeError, Timer, UnsubscribeError,
};
use soiree_engine::{
    Address, CloseError, DurableTopics, Emission, EmitError, EmitFuture, Emitter, Graph, Report,
    ReservedTopics, Soiree, Unsubscriber,
};

use crate::error::CloseOutboxError;
use crate::outbox::Outbox;

impl Soiree for Outbox {
    fn subscribe(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        self.subscribe_durable(pattern, options, listener, None)
    }

    fn unsubscribe(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        if self.unsubscribe_durable(id) {
            return Ok(());
        }
        self.inner.soiree.unsubscribe(pattern, id)
    }

    fn unsubscriber(&self, pattern: &str, id: &ListenerId) -> Unsubscriber {
        let ordinary = self.inner.soiree.unsubscriber(pattern, id);
        let outbox = Arc::downgrade(&self.inner);
        let id = id.clone();
        Box::new(move || {
            let outbox = outbox.upgrade().map(|inner| Outbox { inner });
            if !outbox.is_some_and(|outbox| outbox.unsubscribe_durable(&id)) {
                ordinary();
            }
        })
    }

    fn durable_topics(&self) -> Option<DurableTopics> {
        Some(DurableTopics {
            store_id: self.inner.store_id,
            codecs: self.inner.codecs.shared(),
        })
    }

    fn timer(&self) -> Option<Arc<dyn Timer>> {
        self.inner.soiree.timer()
    }

    fn publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        let stored = self.store_payload(topic, payload, true)?;
        stored.into_emission(|| self.emission_of_nobody(topic))
    }

    fn publish_sync(&self, topic: &str, payload: Payload) -> Result<Report, EmitError> {
        self.store_sync(topic, payload)
    }

    #[inline]
    fn emitter_for(&self, topic: &str) -> Option<&Emitter> {
        match self.inner.passes_through(topic) {
            true => self.inner.soiree.emitter_for(topic),
            false => None,
        }
    }

    fn publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        let topic: Box<str> = event.topic().into();
        let stored = self.store_event(event, true)?;
        stored.into_emission(|| self.emission_of_nobody(&topic))
    }

    fn try_publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        let stored = self.store_payload(topic, payload, false)?;
        stored.into_emission(|| self.emission_of_nobody(topic))
    }

    fn try_publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        let topic: Box<str> = event.topic().into();
        let stored = self.store_event(event, false)?;
        stored.into_emission(|| self.emission_of_nobody(&topic))
    }

    fn publish_async<'a>(&'a self, topic: &'a str, payload: Payload) -> EmitFuture<'a> {
        self.publish_future(self.store_payload_async(topic, payload), topic.into())
    }

    fn publish_event_async(&self, event: Arc<dyn Event>) -> EmitFuture<'_> {
        let topic = event.topic().into();
        self.publish_future(self.store_event_async(event), topic)
    }

    fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        Ok(self.inner.soiree.has_listeners(topic)?
            || self.inner.codecs.is_durable(topic) && self.inner.has_durable_listener(topic))
    }

    fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        self.inner.soiree.listeners_for(topic)
    }

    /// That of the event pool, with the store. Blocks while the store is read.
    fn graph(&self) -> Graph {
        let mut graph = self.inner.soiree.graph();
        graph.stores.push(self.store_info());
        graph
    }

    fn observers(&self) -> Observers {
        self.inner.soiree.observers()
    }

    fn address(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Address, SubscribeError> {
        self.inner.soiree.address(pattern, options, listener)
    }

    fn reserve(&self, pattern: &str) -> Result<ReservedTopics, SubscribeError> {
        self.inner.soiree.reserve(pattern)
    }

    /// Closes the outbox, and the event pool in it. An error of the store is printed: it is not among the errors here.
    fn shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        shown(self.close_until(deadline))
    }

    fn can_shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        self.inner.soiree.can_shut_down(deadline)
    }

    fn shut_down_async(
        &self,
        deadline: Option<Instant>,
    ) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + Send + '_>> {
        Box::pin(async move { shown(self.close_async_until(deadline).await) })
    }
}

fn shown(closed: Result<(), CloseOutboxError>) -> Result<(), CloseError> {
    match closed {
        Ok(()) => Ok(()),
        Err(CloseOutboxError::EventPool(error)) => Err(error),
        Err(CloseOutboxError::Closed) => Err(CloseError::AlreadyClosed),
        Err(error) => {
            eprintln!("soiree: {error}");
            Ok(())
        }
    }
}
