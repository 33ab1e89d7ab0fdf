//! Emitting: durable events are committed first.

mod all;
mod durable;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use soiree_core::store::{Appended, NewRecord};
use soiree_core::{Event, EventStored, Payload, validate_topic};
use soiree_engine::{Emission, EmitError, EmitFuture, NotStored, Report, ReservedTopics, Soiree};

use crate::codecs;
use crate::commit_queue::Rejected;
use crate::draft::Draft;
use crate::figures::Reason;
use crate::outbox::{Inner, Outbox};
use crate::stored::{Stored, StoredEvent};

/// # Emitting
impl Outbox {
    /// Emits a payload. On a durable topic it is committed to the store when this returns, and every durable listener that matches gets it.
    /// On any other topic this is the emit of the event pool, unless the outbox is
    /// [`strict`](crate::OutboxBuilder::strict). Use [`emit_durable`](Outbox::emit_durable) for a topic that must be durable.
    ///
    /// # Blocking
    /// Until the commit, which writes to the disk; and then as the event pool's emit does, for the ordinary listeners.
    /// In async code use [`emit_async`](Outbox::emit_async).
    ///
    /// # Errors
    /// The topic is malformed, the outbox is closed, or the event was not stored: [`EmitError::NotStored`] says why. No listener gets the
    /// event, and its payload comes back. After [`StoreError::Unknown`](soiree_core::store::StoreError::Unknown) alone it may be stored.
    pub fn emit<T: Any + Send + Sync>(&self, topic: &str, payload: T) -> Result<Stored, EmitError> {
        self.store_payload(topic, Payload::new(payload), true)
    }

    /// As [`emit`](Outbox::emit), if the event can be queued at once. It still waits for the commit.
    ///
    /// # Errors
    /// As [`emit`](Outbox::emit), and if as many events as permitted wait to be committed.
    pub fn try_emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Stored, EmitError> {
        self.store_payload(topic, Payload::new(payload), false)
    }

    /// As [`emit`](Outbox::emit), in async code. If the future is dropped before it is ready, the event may be stored or not.
    ///
    /// # Errors
    /// As [`emit`](Outbox::emit).
    pub fn emit_async<'a, T: Any + Send + Sync>(
        &'a self,
        topic: &'a str,
        payload: T,
    ) -> StoreFuture<'a> {
        self.store_payload_async(topic, Payload::new(payload))
    }

    /// Emits a payload, and calls the listeners that are not durable on this thread. On a durable topic it is committed to the store
    /// before they are called. On any other topic this is the `emit_sync` of the event pool.
    ///
    /// # Blocking
    /// Until the commit, and until the listeners have returned.
    ///
    /// # Errors
    /// As [`emit`](Outbox::emit).
    pub fn emit_sync<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Report, EmitError> {
        match self.emitter_for(topic) {
            Some(emitter) => emitter.emit_sync(topic, payload),
            None => self.store_sync(topic, Payload::new(payload)),
        }
    }

    /// Emits an event with an ID and properties of the caller's. An event with the same ID, topic and content is stored once: see
    /// [`StoredEvent::is_duplicate`].
    ///
    /// # Errors
    /// As [`emit`](Outbox::emit), and if another event with the same ID is stored: [`NotStored::Conflict`].
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Stored, EmitError> {
        self.store_event(Arc::new(event), true)
    }

    /// As [`emit_event`](Outbox::emit_event), in async code.
    ///
    /// # Errors
    /// As [`emit_event`](Outbox::emit_event).
    pub fn emit_event_async(&self, event: impl Event + 'static) -> StoreFuture<'_> {
        self.store_event_async(Arc::new(event))
    }

    pub(crate) fn store_payload(
        &self,
        topic: &str,
        payload: Payload,
        may_wait: bool,
    ) -> Result<Stored, EmitError> {
        let inner = &self.inner;
        if inner.passes_through(topic) {
            let emission = if may_wait {
                inner.soiree.publish(topic, payload)
            } else {
                inner.soiree.try_publish(topic, payload)
            };
            return emission.map(passed);
        }
        inner.commit_and_publish(Draft::new(topic, payload), may_wait)
    }

    pub(crate) fn store_event(
        &self,
        event: Arc<dyn Event>,
        may_wait: bool,
    ) -> Result<Stored, EmitError> {
        let inner = &self.inner;
        if inner.passes_through(event.topic()) {
            let emission = if may_wait {
                inner.soiree.publish_event(event)
            } else {
                inner.soiree.try_publish_event(event)
            };
            return emission.map(passed);
        }
        inner.commit_and_publish(Draft::from_event(event), may_wait)
    }

    pub(crate) fn store_sync(&self, topic: &str, payload: Payload) -> Result<Report, EmitError> {
        let inner = &self.inner;
        if inner.passes_through(topic) {
            return inner.soiree.publish_sync(topic, payload);
        }
        let draft = Draft::new(topic, payload);
        let appended = inner.commit(&draft, true)?;
        inner.stored(&draft, appended)?;
        inner
            .reserved_for(topic)
            .publish_event_sync(draft.into_event())
    }

    pub(crate) fn store_payload_async<'a>(
        &'a self,
        topic: &'a str,
        payload: Payload,
    ) -> StoreFuture<'a> {
        if self.inner.passes_through(topic) {
            let emission = self.inner.soiree.publish_async(topic, payload);
            return Box::pin(async move { Ok(passed(emission.await?)) });
        }
        Box::pin(self.store_async(Draft::new(topic, payload)))
    }

    pub(crate) fn store_event_async(&self, event: Arc<dyn Event>) -> StoreFuture<'_> {
        if self.inner.passes_through(event.topic()) {
            let emission = self.inner.soiree.publish_event_async(event);
            return Box::pin(async move { Ok(passed(emission.await?)) });
        }
        Box::pin(self.store_async(Draft::from_event(event)))
    }

    async fn store_async(&self, draft: Draft) -> Result<Stored, EmitError> {
        let inner = &self.inner;
        let record = inner.encode(&draft)?;
        let ticket = inner.queue.append(vec![record], true);
        let mut ticket = ticket.map_err(|why| inner.rejected(&draft, why))?;
        let appended = poll_fn(|context| ticket.poll(context)).await;
        let appended = appended.map_err(|error| inner.not_stored(&draft, error))?;
        inner.local_async(draft, appended[0]).await
    }

    /// Writes an event down as [`emit`](Outbox::emit) does, without storing it: for a transaction of the program's own.
    ///
    /// # Errors
    /// The topic is malformed or not durable, or the payload cannot be written down. If the outbox is
    /// [`strict`](crate::OutboxBuilder::strict), also if no durable listener matches.
    pub fn encode(&self, event: &dyn Event) -> Result<NewRecord, EmitError> {
        self.inner.encode(&Draft::of(event))
    }
}

/// An emit of an outbox in async code.
pub type StoreFuture<'a> = Pin<Box<dyn Future<Output = Result<Stored, EmitError>> + Send + 'a>>;

fn passed(emission: Emission) -> Stored {
    Stored {
        event: None,
        local: Some(Ok(emission)),
    }
}

impl Inner {
    fn not_stored(&self, draft: &Draft, why: impl Into<Rejected>) -> EmitError {
        let (topic, payload) = (draft.topic.clone(), draft.payload.clone());
        match why.into() {
            Rejected::Closed => EmitError::Closed { topic, payload },
            Rejected::NotStored(source) => EmitError::NotStored {
                topic,
                payload,
                source,
            },
        }
    }

    /// As [`not_stored`](Self::not_stored), for what the writer has not counted.
    fn rejected(&self, draft: &Draft, why: impl Into<Rejected>) -> EmitError {
        self.all_rejected(std::slice::from_ref(draft), why)
    }

    /// As [`rejected`](Self::rejected), for events that are stored together or not at all. The error is that of the first.
    fn all_rejected(&self, drafts: &[Draft], why: impl Into<Rejected>) -> EmitError {
        let why = why.into();
        self.figures.rejected(Reason::of(&why), drafts.len() as u64);
        self.not_stored(&drafts[0], why)
    }

    /// Whether an event on this topic is one of the event pool alone.
    #[inline]
    pub(crate) fn passes_through(&self, topic: &str) -> bool {
        !self.settings.is_strict && !self.codecs.is_durable(topic)
    }

    fn encode(&self, draft: &Draft) -> Result<NewRecord, EmitError> {
        let fail = |source: NotStored| self.rejected(draft, source);
        if let Err(source) = validate_topic(&draft.topic) {
            let payload = draft.payload.clone();
            return Err(EmitError::InvalidTopic { source, payload });
        }
        if let Err(error) = draft.properties.check() {
            let reason = error.reason();
            return Err(fail(NotStored::Properties { reason }));
        }
        let codec = self.codecs.of_topic(&draft.topic);
        let codec = codec.ok_or(NotStored::NoCodec).map_err(fail)?;
        if self.settings.is_strict && !self.has_durable_listener(&draft.topic) {
            return Err(fail(NotStored::NoListener));
        }
        let (codec, payload) = codecs::encode(codec, &draft.payload).map_err(fail)?;
        let limit = self.settings.max_payload;
        if payload.len() > limit {
            let bytes = payload.len();
            return Err(fail(NotStored::TooLarge { bytes, limit }));
        }
        Ok(NewRecord {
            id: draft.id,
            topic: draft.topic.clone(),
            codec,
            payload,
            properties: draft.properties.clone(),
            emitted_at: self.clock.now(),
        })
    }

    fn commit(&self, draft: &Draft, may_wait: bool) -> Result<Appended, EmitError> {
        let record = self.encode(draft)?;
        let ticket = self.queue.append(vec![record], may_wait);
        let ticket = ticket.map_err(|why| self.rejected(draft, why))?;
        match ticket.wait() {
            Ok(appended) => Ok(appended[0]),
            Err(error) => Err(self.not_stored(draft, error)),
        }
    }

    fn commit_and_publish(&self, draft: Draft, may_wait: bool) -> Result<Stored, EmitError> {
        let appended = self.commit(&draft, may_wait)?;
        let publish = if may_wait {
            ReservedTopics::publish_event
        } else {
            ReservedTopics::try_publish_event
        };
        self.local(draft, appended, publish)
    }

    fn stored(&self, draft: &Draft, appended: Appended) -> Result<StoredEvent, EmitError> {
        let id = draft.id;
        if let Appended::Conflict(_) = appended {
            return Err(self.not_stored(draft, NotStored::Conflict { id }));
        }
        let stored = StoredEvent::new(id, appended);
        let observers = self.soiree.observers();
        if !observers.is_empty() {
            let (position, is_duplicate) = (stored.position, stored.is_duplicate);
            let stored = EventStored::new(&draft.topic, id, position, is_duplicate);
            observers.notify(|observer| observer.event_stored(&stored));
        }
        Ok(stored)
    }

    /// Calls the ordinary listeners of a stored event.
    fn local(
        &self,
        draft: Draft,
        appended: Appended,
        publish: impl Fn(&ReservedTopics, Arc<dyn Event>) -> Result<Emission, EmitError>,
    ) -> Result<Stored, EmitError> {
        let stored = self.stored(&draft, appended)?;
        let has_local = !stored.is_duplicate && self.calls_ordinary(&draft.topic);
        let local = has_local.then(|| {
            let topics = self.reserved_for(&draft.topic);
            publish(topics, draft.into_event())
        });
        Ok(Stored {
            event: Some(stored),
            local,
        })
    }

    /// As `local`, in async code.
    async fn local_async(&self, draft: Draft, appended: Appended) -> Result<Stored, EmitError> {
        let stored = self.stored(&draft, appended)?;
        let event = Some(stored);
        if stored.is_duplicate || !self.calls_ordinary(&draft.topic) {
            return Ok(Stored { event, local: None });
        }
        let topics = self.reserved_for(&draft.topic);
        let local = topics.publish_event_async(draft.into_event()).await;
        Ok(Stored {
            event,
            local: Some(local),
        })
    }

    /// Whether a stored event is emitted in the event pool as well. If only durable listeners match, it would take a place in the queue for
    /// nothing, and count as an event that nobody listens to.
    fn calls_ordinary(&self, topic: &str) -> bool {
        self.soiree.has_listeners(topic).unwrap_or(true) || !self.has_durable_listener(topic)
    }

    pub(crate) fn has_durable_listener(&self, topic: &str) -> bool {
        let listeners = self.listeners();
        let mut there = listeners
            .values()
            .filter(|subscription| subscription.is_claimed && !subscription.is_removed);
        there.any(|subscription| subscription.pattern.matches(topic))
    }

    /// The right to emit on this topic in the event pool: a reservation whose pattern matches.
    fn reserved_for(&self, topic: &str) -> &ReservedTopics {
        let patterns = self.codecs.patterns();
        let index = patterns.iter().position(|pattern| pattern.matches(topic));
        &self.reserved[index.unwrap_or_default()]
    }
}

impl Outbox {
    pub(crate) fn publish_future<'a>(
        &'a self,
        stored: StoreFuture<'a>,
        topic: Box<str>,
    ) -> EmitFuture<'a> {
        Box::pin(async move {
            stored
                .await?
                .into_emission(|| self.emission_of_nobody(&topic))
        })
    }

    /// An emission whose event is aborted already.
    pub(crate) fn emission_of_nobody(&self, topic: &str) -> Result<Emission, EmitError> {
        let event = Draft::new(topic, Payload::new(())).into_event();
        event.set_aborted(true);
        self.inner.reserved_for(topic).publish_event(event)
    }
}
