//! The methods of `dyn Soiree`: those of `EventPool` that are not object-safe, or have another name there.

use std::any::Any;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{
    Async, Event, IntoListenerResult, Listener, ListenerFn, ListenerId, ListenerOptions, Mut,
    Payload, SubscribeError, UnsubscribeError,
};

use super::{CloseFuture, Soiree};
use crate::emission::{Emission, EmitError, Report};
use crate::emitter::{CloseError, EmitFuture};

/// An event that is emitted again and again must not nest.
fn shared(event: impl Event + 'static) -> Arc<dyn Event> {
    match (&event as &dyn Any).downcast_ref::<Arc<dyn Event>>() {
        Some(shared) => Arc::clone(shared),
        None => Arc::new(event),
    }
}

impl dyn Soiree + '_ {
    /// Subscribes a closure or a function, with [`Priority::Normal`](soiree_core::Priority::Normal).
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe).
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        self.on_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure with options. A [`Priority`](soiree_core::Priority) alone is enough.
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe).
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, options, listener)
    }

    /// Subscribes a type that implements [`Listener`].
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe).
    #[track_caller]
    pub fn listen(
        &self,
        pattern: &str,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a type that implements [`Listener`], with options. A [`Priority`](soiree_core::Priority) alone is enough.
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe).
    #[track_caller]
    pub fn listen_with(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.subscribe(pattern, options, Arc::new(listener))
    }

    /// Subscribes a closure that may change what it has captured. It is called for one event at a time: its
    /// [`max_concurrent`](ListenerOptions::max_concurrent) is 1.
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe).
    #[track_caller]
    pub fn on_mut<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl FnMut(&dyn Event) -> R + Send + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.on_mut_with(pattern, ListenerOptions::new(), listener)
    }

    /// As [`on_mut`](#method.on_mut), with options. Any limit of calls at once that they have is replaced by 1.
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe).
    #[track_caller]
    pub fn on_mut_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl FnMut(&dyn Event) -> R + Send + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        let options = options.max_concurrent(1);
        self.subscribe(pattern, options, Arc::new(Mut::new(listener)))
    }

    /// Subscribes a closure that returns a future. See [`AsyncListener`](soiree_core::AsyncListener).
    ///
    /// # Errors
    /// As [`subscribe`](Soiree::subscribe), and if there is no bulkhead called [`async`](crate::Bulkheads::ASYNC).
    #[track_caller]
    pub fn on_async<F>(
        &self,
        pattern: &str,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        self.on_async_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure that returns a future, with options.
    ///
    /// # Errors
    /// As [`on_async`](#method.on_async), and if the pool that the options name does not poll futures.
    #[track_caller]
    pub fn on_async_with<F>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        let options = options.into().registered_at(Location::caller());
        self.subscribe(pattern, options, Arc::new(Async(listener)))
    }

    /// Emits an event of the caller's own type on the pool.
    ///
    /// # Errors
    /// As [`publish_event`](Soiree::publish_event).
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.publish_event(shared(event))
    }

    /// Emits an event of the caller's own type in async code.
    ///
    /// # Errors
    /// As [`publish_event_async`](Soiree::publish_event_async).
    pub fn emit_event_async(&self, event: impl Event + 'static) -> EmitFuture<'_> {
        self.publish_event_async(shared(event))
    }

    /// Emits a payload in async code: waits for a place without holding a thread.
    ///
    /// # Errors
    /// As [`publish_async`](Soiree::publish_async).
    pub fn emit_async<'a, T: Any + Send + Sync>(
        &'a self,
        topic: &'a str,
        payload: T,
    ) -> EmitFuture<'a> {
        self.publish_async(topic, Payload::new(payload))
    }

    /// Emits a payload on the pool if there is a place for it now. Never waits.
    ///
    /// # Errors
    /// As [`try_publish`](Soiree::try_publish).
    pub fn try_emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.try_publish(topic, Payload::new(payload))
    }

    /// Emits an event of the caller's own type if there is a place for it now. Never waits.
    ///
    /// # Errors
    /// As [`try_publish_event`](Soiree::try_publish_event).
    pub fn try_emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.try_publish_event(shared(event))
    }

    /// Closes the `EventPool`. Blocks until what was accepted is handled.
    ///
    /// # Errors
    /// As [`shut_down`](Soiree::shut_down) without a deadline.
    pub fn close(&self) -> Result<(), CloseError> {
        self.shut_down(None)
    }

    /// Closes the `EventPool`. Blocks until what was accepted is handled, and no longer than until the deadline.
    ///
    /// # Errors
    /// As [`shut_down`](Soiree::shut_down).
    pub fn close_with_deadline(&self, deadline: Instant) -> Result<(), CloseError> {
        self.shut_down(Some(deadline))
    }

    /// As [`close`](#method.close), without blocking the thread that polls the future. The close begins with the first poll, and goes on
    /// if the future is dropped after that.
    ///
    /// # Errors
    /// As [`shut_down_async`](Soiree::shut_down_async) without a deadline.
    pub fn close_async(&self) -> CloseFuture<'_> {
        self.shut_down_async(None)
    }

    /// As [`close_with_deadline`](#method.close_with_deadline), without blocking the thread that polls the future. See
    /// [`close_async`](#method.close_async).
    ///
    /// # Errors
    /// As [`shut_down_async`](Soiree::shut_down_async).
    pub fn close_async_with_deadline(&self, deadline: Instant) -> CloseFuture<'_> {
        self.shut_down_async(Some(deadline))
    }

    /// Removes a listener. An emission that is running may call it once more. There is no further retry.
    ///
    /// # Errors
    /// If there is no such listener.
    pub fn off(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.unsubscribe(pattern, id)
    }

    /// Emits a payload on the pool.
    ///
    /// # Errors
    /// As [`publish`](Soiree::publish).
    pub fn emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.publish(topic, Payload::new(payload))
    }

    /// Emits a payload on the calling thread.
    ///
    /// # Errors
    /// As [`publish_sync`](Soiree::publish_sync).
    pub fn emit_sync<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Report, EmitError> {
        match self.emitter_for(topic) {
            Some(emitter) => emitter.emit_sync(topic, payload),
            None => self.publish_sync(topic, Payload::new(payload)),
        }
    }
}
