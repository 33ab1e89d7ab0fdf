//! The contract of an `EventPool`, for integrations.

mod methods;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{
    Codecs, Event, EventId, InvalidTopic, Listener, ListenerId, ListenerInfo, ListenerOptions,
    Observers, Payload, SubscribeError, Timer, UnsubscribeError,
};

use crate::emission::{Emission, EmitError, Report};
use crate::emitter::{Address, CloseError, EmitFuture, Emitter, ReservedTopics};
use crate::graph::Graph;

/// A close that does not block the thread, as a trait object. Returned by [`Soiree::shut_down_async`].
pub type CloseFuture<'a> = Pin<Box<dyn Future<Output = Result<(), CloseError>> + Send + 'a>>;

/// Removes a listener. Does not keep the `EventPool` alive. Returned by [`Soiree::unsubscriber`].
pub type Unsubscriber = Box<dyn FnOnce() + Send + Sync>;

/// What an outbox says about its durable topics, for integrations that pass events on. Returned by [`Soiree::durable_topics`].
#[derive(Clone)]
pub struct DurableTopics {
    /// The ID of the store, which never changes.
    pub store_id: EventId,
    /// How the payloads are written down. A topic is durable if it has a codec here.
    pub codecs: Arc<Codecs>,
}

impl fmt::Debug for DurableTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableTopics")
            .field("store_id", &self.store_id)
            .field("patterns", &self.codecs.patterns())
            .finish()
    }
}

/// What integrations need of an `EventPool`: they take `&dyn Soiree` and work with any implementation.
///
/// The required methods are object-safe. `dyn Soiree` itself has the convenient methods of `EventPool` on top: `on`, `emit`, `close_async` and so
/// on.
pub trait Soiree: Send + Sync {
    /// Subscribes a listener to a pattern.
    ///
    /// The caller sets [where it was registered](ListenerOptions::registered_at), which errors and metrics show.
    ///
    /// # Errors
    /// If the pattern is malformed, the options are invalid, or the `EventPool` is closed.
    fn subscribe(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError>;

    /// Removes a listener. An emission that is running may call it once more. There is no further retry.
    ///
    /// # Errors
    /// If there is no such listener.
    fn unsubscribe(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError>;

    /// A function that removes this listener, if it is still there. For guards: it does not keep the `EventPool` alive.
    fn unsubscriber(&self, pattern: &str, id: &ListenerId) -> Unsubscriber;

    /// The topics whose events are stored before an emit returns, and their codecs. `None` by default: there are none.
    fn durable_topics(&self) -> Option<DurableTopics> {
        None
    }

    /// What integrations can run something later with. `None` by default.
    fn timer(&self) -> Option<Arc<dyn Timer>> {
        None
    }

    /// Emits a payload on the pool. Blocks if the pool does when it is full.
    ///
    /// # Errors
    /// If the topic is malformed, the `EventPool` is closed, or the pool rejects the event. The payload comes back.
    fn publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError>;

    /// Emits a payload on the calling thread, and returns when its listeners have returned.
    ///
    /// # Errors
    /// If the topic is malformed or the `EventPool` is closed. The payload comes back.
    fn publish_sync(&self, topic: &str, payload: Payload) -> Result<Report, EmitError>;

    /// What [`publish_sync`](Soiree::publish_sync) on this topic would pass the payload on to, unchanged. `emit_sync` of `dyn Soiree` and
    /// of typed topics emits there: no [`Payload`] is allocated. `None` by default, so that they call `publish_sync`. An implementation that
    /// does something of its own there, such as count, must leave it so.
    fn emitter_for(&self, topic: &str) -> Option<&Emitter> {
        let _ = topic;
        None
    }

    /// Emits an event of the caller's own type on the pool.
    ///
    /// # Errors
    /// As [`publish`](Soiree::publish).
    fn publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError>;

    /// Emits a payload on the pool if there is a place for it now. Never waits.
    ///
    /// # Errors
    /// As [`publish`](Soiree::publish), and if there is no place.
    fn try_publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError>;

    /// Emits an event of the caller's own type as [`try_publish`](Soiree::try_publish) does.
    ///
    /// # Errors
    /// As [`try_publish`](Soiree::try_publish).
    fn try_publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError>;

    /// Emits a payload on the pool. Where [`publish`](Soiree::publish) would block, the future waits without holding a thread. If it is
    /// dropped before it is ready, nothing was emitted.
    ///
    /// # Errors
    /// As [`publish`](Soiree::publish).
    fn publish_async<'a>(&'a self, topic: &'a str, payload: Payload) -> EmitFuture<'a>;

    /// Emits an event of the caller's own type as [`publish_async`](Soiree::publish_async) does.
    ///
    /// # Errors
    /// As [`publish_async`](Soiree::publish_async).
    fn publish_event_async(&self, event: Arc<dyn Event>) -> EmitFuture<'_>;

    /// Adds a listener that is called for the events that are delivered to its [`Address`], and that no emission on a topic finds. For
    /// what decides itself which listener gets which event, such as an outbox.
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe), but the listener may be [durable](ListenerOptions::durable).
    fn address(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Address, SubscribeError>;

    /// Reserves the topics that match a pattern: until the [`ReservedTopics`] are dropped, events on them are emitted through those, and
    /// everything else that emits them is [rejected](EmitError::Reserved).
    ///
    /// # Errors
    /// If the pattern is malformed, or the `EventPool` is closed.
    fn reserve(&self, pattern: &str) -> Result<ReservedTopics, SubscribeError>;

    /// Closes the `EventPool`: rejects new emissions, and waits for those that were accepted, no longer than until the deadline. Blocks.
    ///
    /// # Errors
    /// If it was closed before, if the caller is inside a listener or a job of the pool, or if the deadline comes first. In the last case
    /// it *is* closed.
    fn shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError>;

    /// Whether [`shut_down`](Soiree::shut_down) may be called here: for integrations that have to wait for something before.
    ///
    /// # Errors
    /// If the caller is inside a listener or a job of the pool. Without a deadline also if the calling thread runs futures that the close
    /// would have to wait for.
    fn can_shut_down(&self, deadline: Option<Instant>) -> Result<(), CloseError>;

    /// As [`shut_down`](Soiree::shut_down), without blocking the thread that polls the future. The close begins with the first poll, and
    /// goes on if the future is dropped after that.
    ///
    /// # Errors
    /// As [`shut_down`](Soiree::shut_down), and if no thread can be started that waits. The `EventPool` is not closed then.
    fn shut_down_async(&self, deadline: Option<Instant>) -> CloseFuture<'_>;

    /// Whether an emission on this topic would find a listener now. See [`Registry::has_listeners`](soiree_core::Registry::has_listeners).
    ///
    /// # Errors
    /// If the topic is malformed.
    fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic>;

    /// The listeners that an emission on this topic would call now, in that order. After them those with an [`Address`] whose pattern
    /// matches, which it would not call.
    ///
    /// # Errors
    /// If the topic is malformed.
    fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic>;

    /// Who listens to what, and what runs where.
    fn graph(&self) -> Graph;

    /// The observers of now, for integrations that notify them. None by default.
    fn observers(&self) -> Observers {
        Observers::none()
    }
}
