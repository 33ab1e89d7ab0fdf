//! The handle that programs emit and subscribe through.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use soiree_core::{
    DeadLetter, Event, IntoListenerResult, InvalidTopic, Listener, ListenerError, ListenerId,
    ListenerOptions, ListenerPanic, Pattern, PoolHandle, PoolStats, SubscribeError,
    UnsubscribeError, validate_topic,
};
use soiree_engine::{CloseError, Emission, EmitError, Emitter, Report};

use crate::builder::{Builder, IdGenerator};
use crate::topic::{Topic, TopicError};

/// Emits events to listeners, on a bounded pool. A cheap handle: clones share listeners, settings and pool.
///
/// Its methods may be called from anywhere, from inside its own listeners as well; no user code runs under a lock.
///
/// A listener that captures a clone keeps the `EventPool` alive until the listener is taken off; capture what
/// [`downgrade`](EventPool::downgrade) returns instead where that matters. When the last handle is dropped without a
/// [`close`](EventPool::close), what was emitted is still handled, and the threads of a pool that was handed over end
/// after that.
#[derive(Clone)]
pub struct EventPool {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) emitter: Emitter,
    pub(crate) id_generator: ArcSwap<IdGenerator>,
    /// Patterns that topic handles keep in existence, and how many handles do.
    pub(crate) ensured: Mutex<HashMap<Pattern, usize>>,
}

/// A handle that does not keep its [`EventPool`] alive.
#[derive(Clone)]
pub struct WeakEventPool(Weak<Inner>);

impl EventPool {
    /// An `EventPool` on a [`WorkerPool`](crate::WorkerPool) of its own, with a worker for each core and a queue of 1,024
    /// that holds back emitters when it is full.
    #[cfg(feature = "pool")]
    #[expect(
        clippy::new_without_default,
        reason = "a default that can start threads surprises"
    )]
    pub fn new() -> Self {
        Self::builder().build_without_bulkheads()
    }

    /// An `EventPool` on this pool: released at close if handed over by value, left running if it is an `Arc`.
    pub fn with_pool(pool: impl Into<PoolHandle>) -> Self {
        Builder::with_pool(pool).build_without_bulkheads()
    }

    /// Starts from what [`new`](EventPool::new) makes.
    #[cfg(feature = "pool")]
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
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen(pattern, ListenerOptions::new(), listener)
    }

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
    pub fn off(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.inner
            .emitter
            .registry()
            .remove(&Pattern::new(pattern)?, id)
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
    pub fn emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.inner.emitter.emit(topic, payload)
    }

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

    /// The topic of this pattern, if something is subscribed to it or a handle keeps it.
    ///
    /// # Errors
    /// If the pattern is malformed, or there is no such topic.
    pub fn topic(&self, pattern: &str) -> Result<Topic, TopicError> {
        Topic::existing(self, Pattern::new(pattern)?)
    }

    /// The topic of this pattern, which exists at least as long as the handle does.
    ///
    /// # Errors
    /// If the pattern is malformed.
    pub fn ensure_topic(&self, pattern: &str) -> Result<Topic, InvalidTopic> {
        Ok(Topic::ensured(self, Pattern::new(pattern)?))
    }

    /// How many listeners there are.
    pub fn len(&self) -> usize {
        self.inner.emitter.registry().len()
    }

    /// Whether there is no listener.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pool's figures.
    pub fn pool_stats(&self) -> PoolStats {
        self.inner.emitter.pool().stats()
    }

    /// See [`Builder::error_handler`]. Holds for emissions that begin afterwards.
    pub fn set_error_handler(
        &self,
        handler: impl Fn(&dyn Event, ListenerError) -> Option<ListenerError> + Send + Sync + 'static,
    ) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.error = Some(handler));
    }

    /// See [`Builder::panic_handler`]. Holds for emissions that begin afterwards.
    pub fn set_panic_handler(&self, handler: impl Fn(&ListenerPanic<'_>) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.panic = Some(handler));
    }

    /// See [`Builder::dead_event_handler`]. Holds for emissions that begin afterwards.
    pub fn set_dead_event_handler(&self, handler: impl Fn(&dyn Event) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.dead_event = Some(handler));
    }

    /// See [`Builder::dead_letter_handler`]. Holds for emissions that begin afterwards.
    pub fn set_dead_letter_handler(&self, handler: impl Fn(&DeadLetter) + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.dead_letter = Some(handler));
    }

    /// Emits every [`DeadLetter`] on this topic, in place of a handler. Holds for emissions that begin afterwards.
    ///
    /// A letter that cannot be emitted, since a pool refuses it or the `EventPool` is closed, is told of by the report of the
    /// emission that it is about, as is every letter.
    ///
    /// # Errors
    /// If the topic is malformed.
    ///
    /// ```
    /// use soiree::{DeadLetter, EventPool, ListenerOptions, Retry};
    /// use std::time::Duration;
    ///
    /// let soiree = EventPool::new();
    /// soiree.set_dead_letter_topic("dead.letters")?;
    /// soiree.on("dead.letters", |event| {
    ///     if let Some(letter) = event.payload_as::<DeadLetter>() {
    ///         println!("{}: {}", letter.topic, letter.error);
    ///     }
    /// })?;
    /// let retry = Retry::exponential(Duration::from_millis(1), 3);
    /// soiree.on_with("mail.queued", ListenerOptions::new().retry(retry), |event| {
    ///     Err::<(), _>(format!("attempt {} failed", event.attempt()))
    /// })?;
    /// let report = soiree.emit("mail.queued", "hello")?.wait();
    /// assert_eq!((report.delivered, report.failed, report.retried), (1, 1, 2));
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_dead_letter_topic(&self, topic: &str) -> Result<(), InvalidTopic> {
        validate_topic(topic)?;
        let (soiree, topic) = (self.downgrade(), Box::<str>::from(topic));
        self.set_dead_letter_handler(move |letter| {
            if let Some(soiree) = soiree.upgrade() {
                let _ = soiree.emit(&topic, letter.clone());
            }
        });
        Ok(())
    }

    /// See [`Builder::error_buffer`]. Holds for emissions that begin afterwards.
    pub fn set_error_buffer(&self, errors: usize) {
        self.inner
            .emitter
            .update(|settings| settings.error_buffer = errors);
    }

    /// See [`Builder::id_generator`]. Holds for listeners that are subscribed afterwards.
    pub fn set_id_generator<I: Into<ListenerId>>(
        &self,
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) {
        self.inner
            .id_generator
            .store(Arc::new(IdGenerator::new(generator)));
    }

    /// Runs emissions that begin afterwards on another pool.
    ///
    /// What was emitted before still runs on the old one. If that was handed over, its threads end when it has.
    pub fn set_pool(&self, pool: impl Into<PoolHandle>) {
        let pool = pool.into();
        self.inner.emitter.update(|settings| settings.pool = pool);
    }

    /// Refuses new emissions, waits until those accepted have ended, and takes off all listeners. A pool that was handed
    /// over is released; a shared one is left running.
    ///
    /// # Errors
    /// If it is closed already, also by another thread that still waits; or if called from inside a listener or a job of
    /// the pool, where it would wait for itself.
    pub fn close(&self) -> Result<(), CloseError> {
        self.inner.emitter.close(None)
    }

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

    /// A handle that does not keep the `EventPool` alive, for listeners to capture.
    pub fn downgrade(&self) -> WeakEventPool {
        WeakEventPool(Arc::downgrade(&self.inner))
    }

    pub(crate) fn add(
        &self,
        pattern: &Pattern,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        let id = self.inner.id_generator.load().generate();
        self.inner
            .emitter
            .subscribe(pattern, id.clone(), options, listener)?;
        Ok(id)
    }
}

impl WeakEventPool {
    /// A handle to no `EventPool`.
    pub(crate) fn dangling() -> Self {
        Self(Weak::new())
    }

    /// The `EventPool`, if it still lives.
    pub fn upgrade(&self) -> Option<EventPool> {
        self.0.upgrade().map(|inner| EventPool { inner })
    }
}

impl Inner {
    pub(crate) fn with_ensured<R>(&self, act: impl FnOnce(&mut HashMap<Pattern, usize>) -> R) -> R {
        act(&mut self.ensured.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for EventPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPool")
            .field("emitter", &self.inner.emitter)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakEventPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakEventPool").finish_non_exhaustive()
    }
}
