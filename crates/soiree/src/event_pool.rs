//! What programs do with an `EventPool`: subscribe, emit, close.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{
    Event, IntoListenerResult, Listener, ListenerId, ListenerOptions, Pattern, PoolHandle,
    SubscribeError, UnsubscribeError,
};
use soiree_engine::{CloseError, Emission, EmitError, Report};

use crate::builder::Builder;
use crate::handle::{EventPool, WeakEventPool};

/// # Everyday methods
impl EventPool {
    /// An `EventPool` on a [`WorkerPool`](crate::WorkerPool) of its own, with a worker for each core and a queue of 1,024
    /// that holds back emitters when it is full.
    #[doc(alias = "NewEventPool")]
    #[cfg(feature = "pool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
    #[expect(
        clippy::new_without_default,
        reason = "a default that can start threads surprises"
    )]
    pub fn new() -> Self {
        Self::builder().build_without_bulkheads()
    }

    /// Starts from what [`new`](EventPool::new) makes.
    #[doc(alias("NewEventPool", "EventPoolOption"))]
    #[cfg(feature = "pool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
    pub fn builder() -> Builder {
        Builder::with_pool(crate::builder::default_pool())
    }

    /// Subscribes a closure to a pattern, with [`Priority::Normal`](crate::Priority::Normal).
    ///
    /// The closure returns `()` or a `Result<(), E>`.
    ///
    /// # Errors
    /// If the pattern is malformed, the ID generator made an ID twice, or the `EventPool` is closed.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// let id = soiree.on("user.*", |event| println!("{}", event.topic()))?;
    /// # soiree.off("user.*", &id)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "On")]
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen(pattern, ListenerOptions::new(), listener)
    }

    /// Emits a payload on a topic: its listeners are called on the pool, one after another.
    ///
    /// Blocks while the pool's queue is full, if that is what the pool does when full. On a worker of the pool it does
    /// not block; the listeners may then be called before it returns. On a worker of another pool of this `EventPool` it is
    /// refused where it would wait, unless the pool was handed over [to block workers](PoolHandle::blocking_workers).
    ///
    /// # Errors
    /// If the topic is malformed, the `EventPool` is closed, or the pool or an [order by key](crate::KeyOrder) refuses. The payload
    /// comes back.
    #[doc(alias = "Emit")]
    pub fn emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.inner.emitter.emit(topic, payload)
    }

    /// Refuses new emissions, waits until those accepted have ended, and takes off all listeners. A pool that was handed
    /// over is released; a shared one is left running.
    ///
    /// # Errors
    /// If it is closed already, also by another thread that still waits; or if called from inside a listener or a job of
    /// the pool, where it would wait for itself.
    #[doc(alias = "Close")]
    pub fn close(&self) -> Result<(), CloseError> {
        self.inner.emitter.close(None)
    }
}

/// # Handles
impl EventPool {
    /// An `EventPool` on this pool: released at close if handed over by value, left running if it is an `Arc`.
    #[doc(alias = "WithPool")]
    pub fn with_pool(pool: impl Into<PoolHandle>) -> Self {
        Builder::with_pool(pool).build_without_bulkheads()
    }

    /// A handle that does not keep the `EventPool` alive, for listeners to capture.
    pub fn downgrade(&self) -> WeakEventPool {
        self.weak()
    }
}

/// # Subscribing
impl EventPool {
    /// Subscribes a closure with options, of which a [`Priority`](crate::Priority) alone is one.
    ///
    /// # Errors
    /// As [`on`](EventPool::on), and if the options make no sense.
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen(pattern, options, listener)
    }

    /// Subscribes a listener that is a type of its own.
    ///
    /// # Errors
    /// As [`on_with`](EventPool::on_with).
    #[track_caller]
    pub fn listen(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.add(&Pattern::new(pattern)?, options, Arc::new(listener))
    }

    /// Takes a listener off. An emission that is running may call it once more, later ones do not.
    ///
    /// # Errors
    /// If the pattern has no such listener.
    #[doc(alias = "Off")]
    pub fn off(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.inner
            .emitter
            .registry()
            .remove(&Pattern::new(pattern)?, id)
    }
}

/// # Emitting
impl EventPool {
    /// Emits an event of your own: a [`BaseEvent`](crate::BaseEvent), or a type that implements [`Event`].
    ///
    /// # Errors
    /// As [`emit`](EventPool::emit).
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.inner.emitter.emit_event(event)
    }

    /// Emits a payload and calls the listeners on this thread. If the topic is [ordered by key](crate::KeyOrder) it waits for its
    /// turn before; inside a listener it does not wait, and is refused if others of its key are on their way.
    ///
    /// # Errors
    /// If the topic is malformed, the `EventPool` is closed, or an order by key refuses. The payload comes back.
    #[doc(alias = "EmitSync")]
    pub fn emit_sync<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Report, EmitError> {
        self.inner.emitter.emit_sync(topic, payload)
    }

    /// Emits an event of your own and calls the listeners on this thread.
    ///
    /// # Errors
    /// As [`emit_sync`](EventPool::emit_sync).
    pub fn emit_event_sync(&self, event: &dyn Event) -> Result<Report, EmitError> {
        self.inner.emitter.emit_event_sync(event)
    }
}

/// # Closing
impl EventPool {
    /// As [`close`](EventPool::close), waiting until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`close`](EventPool::close); and [`CloseError::DrainTimeout`] if the deadline came first. It *is* closed then. A
    /// pool that was handed over has discarded what had not started (those emissions report it); a shared one still runs
    /// it, and the last emission takes the listeners off.
    pub fn close_with_deadline(&self, deadline: Instant) -> Result<(), CloseError> {
        self.inner.emitter.close(Some(deadline))
    }

    /// Whether it is closed, or closing.
    pub fn is_closed(&self) -> bool {
        self.inner.emitter.is_closed()
    }
}
