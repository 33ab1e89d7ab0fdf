//! What programs do with an `EventPool`: subscribe, emit, close.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{
    Event, IntoListenerResult, Listener, ListenerFn, ListenerId, ListenerOptions, Pattern,
    PoolHandle, SubscribeError, UnsubscribeError,
};
use soiree_engine::{CloseError, Emission, EmitError, Report};

use crate::builder::Builder;
use crate::handle::{EventPool, WeakEventPool};

/// # Everyday methods
impl EventPool {
    /// Makes an `EventPool` on a [`WorkerPool`](crate::WorkerPool) of its own: one worker for each core, and a queue of 1,024
    /// events. While the queue is full, [`emit`](EventPool::emit) blocks.
    ///
    /// ```
    /// use soiree::EventPool;
    ///
    /// let soiree = EventPool::new();
    /// soiree.on("user.created", |event| println!("{}", event.topic()))?;
    /// soiree.emit("user.created", "Matty Ice")?;
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Starts a [`Builder`] with the defaults of [`new`](EventPool::new).
    ///
    /// ```
    /// use soiree::{EventPool, WorkerPool};
    ///
    /// let soiree = EventPool::builder()
    ///     .bulkhead("mail", WorkerPool::new(4, 100)?)
    ///     .route("mail.**", "mail")
    ///     .build()?;
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("NewEventPool", "EventPoolOption"))]
    #[cfg(feature = "pool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
    pub fn builder() -> Builder {
        Builder::with_pool(crate::builder::default_pool())
    }

    /// Subscribes a closure or a function `Fn(&dyn Event)` to a pattern, with [`Priority::Normal`](crate::Priority::Normal).
    ///
    /// It returns `()` or a `Result<(), E>`, where `E` is text or an error that threads can share. An emission that already runs does
    /// not call it.
    ///
    /// | a closure that | needs |
    /// |---|---|
    /// | uses `?` | [`ok()`](crate::ok) as its last line, which says what `E` is |
    /// | does nothing but fail | `Err::<(), _>("no address")`: with `Err` alone, it could as well return a [`Reply`](crate::Reply) |
    /// | calls a function that returns a `Box<dyn Error>` | that function to return a [`BoxError`](crate::BoxError), or `.map_err(\|error\| error.to_string())?` |
    ///
    /// | for | use |
    /// |---|---|
    /// | a priority, a pool, retries, a timeout and the like | [`on_with`](EventPool::on_with) |
    /// | a closure that returns a future | [`on_async`](EventPool::on_async) |
    /// | a closure that changes what it has captured | [`on_mut`](EventPool::on_mut) |
    /// | a type that implements [`Listener`] | [`listen`](EventPool::listen) |
    ///
    /// Subscribing and removing a listener take a few microseconds, and some 30 nanoseconds twice for each thread of the process: for as
    /// many threads as have emitted at the same time so far, whether they still live or not. With 1,000 threads that is 65 times as long
    /// as with one.
    ///
    /// # Errors
    /// If the pattern is malformed, the ID generator returns an ID that the pattern already has, or the `EventPool` is closed.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// fn audit(event: &dyn soiree::Event) {
    ///     println!("{}", event.topic());
    /// }
    /// soiree.on("user.**", audit)?;
    /// soiree.on("user.*", |event| println!("{}", event.topic()))?;
    /// soiree.on("order.*.paid", |event| {
    ///     let cents: u32 = event.payload_as::<String>().ok_or("no amount")?.parse()?;
    ///     println!("{cents} cents");
    ///     soiree::ok()
    /// })?;
    /// # assert!(soiree.emit_sync("order.7.paid", String::from("250"))?.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "On")]
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, ListenerOptions::new(), listener)
    }

    /// Emits a payload on a topic. The pool calls the listeners, one after another.
    ///
    /// Returns as soon as the pool has accepted the emission. The [`Emission`] may be dropped: the listeners are called all the
    /// same. Those are called that are subscribed when it starts to run.
    ///
    /// # Blocking
    /// Blocks while the pool's queue is full, unless the pool has another [overflow policy](crate::Overflow). Inside a listener:
    ///
    /// - On a worker of the same pool it never blocks. If the queue is full, that worker calls the listeners before `emit`
    ///   returns.
    /// - On a worker of another pool of this `EventPool`, the emission is rejected instead of waiting, unless the pool was added
    ///   with [`PoolHandle::blocking_workers`].
    ///
    /// # Errors
    /// If the topic is malformed, the `EventPool` is closed, or the pool or an [order by key](crate::KeyOrder) rejects the
    /// emission. The error returns the payload.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// # soiree.on("user.created", |_| {})?;
    /// let report = soiree.emit("user.created", "Matty Ice")?.wait(); // in async code, `.await`
    /// assert_eq!(report.delivered(), 1);
    ///
    /// let error = soiree.emit("user..created", "Matty Ice").unwrap_err();
    /// let name: &str = error.into_payload().downcast().expect("nobody else has it");
    /// assert_eq!(name, "Matty Ice");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "Emit")]
    pub fn emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.inner.emitter.emit(topic, payload)
    }

    /// Rejects new emissions, waits until the accepted ones have ended, and removes all listeners. A pool that was passed by
    /// value is released; a shared one (an `Arc`) is left running.
    ///
    /// What the listeners of accepted emissions emit meanwhile is accepted, and waited for too.
    ///
    /// # Errors
    /// If the `EventPool` is already closed or closing. Also if called inside a listener or a job of the pool: it would wait for
    /// itself.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// soiree.close()?;
    /// assert!(soiree.emit("user.created", "Matty Ice").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "Close")]
    pub fn close(&self) -> Result<(), CloseError> {
        self.inner.emitter.close(None)
    }
}

/// # Subscribing
impl EventPool {
    /// Subscribes a closure or a function with [`ListenerOptions`]; a [`Priority`](crate::Priority) alone will do.
    ///
    /// # Errors
    /// As [`on`](EventPool::on), and if the options are invalid.
    ///
    /// ```
    /// use soiree::{ListenerOptions, Priority};
    /// # let soiree = soiree::EventPool::new();
    /// soiree.on_with("user.*", Priority::High, |_| println!("early"))?;
    /// soiree.on_with("user.*", ListenerOptions::new().name("audit").once(), |_| println!("once"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// As [`on`](EventPool::on).
    ///
    /// ```
    /// use soiree::{Event, EventPool, Listener, ListenerOptions};
    ///
    /// struct Audit;
    /// impl Listener for Audit {
    ///     fn handle(&self, event: &dyn Event) -> soiree::Result {
    ///         println!("{}", event.topic());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let soiree = EventPool::new();
    /// soiree.listen("user.*", Audit)?;
    /// soiree.listen_with("order.*", ListenerOptions::new().name("audit"), Audit)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ErrNilListener")]
    #[track_caller]
    pub fn listen(
        &self,
        pattern: &str,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, ListenerOptions::new(), listener)
    }

    /// As [`listen`](EventPool::listen), with [`ListenerOptions`]; a [`Priority`](crate::Priority) alone will do.
    ///
    /// # Errors
    /// As [`on_with`](EventPool::on_with).
    #[track_caller]
    pub fn listen_with(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.add(&Pattern::new(pattern)?, options, Arc::new(listener))
    }

    /// Removes a listener. Does not wait: an emission that already runs may still call it once; later emissions do not.
    ///
    /// There is no further [retry](ListenerOptions::retry). Where one waits, the emission keeps the error of the attempt before,
    /// and the event becomes a dead letter, as after the last attempt. The dead letter handler is called on this thread.
    ///
    /// # Errors
    /// If the pattern has no such listener, or is malformed.
    #[doc(alias = "Off")]
    pub fn off(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.inner.emitter.unsubscribe(&Pattern::new(pattern)?, id)
    }
}

/// # Emitting
impl EventPool {
    /// Emits a payload and calls the listeners on the calling thread.
    ///
    /// # Blocking
    /// Returns when all listeners have ended, those with a [pool of their own](ListenerOptions::pool) included. If the topic is
    /// [ordered by key](crate::KeyOrder), it first waits for earlier events of the same key. Inside a listener it does not wait
    /// for them, and the emission is rejected instead.
    ///
    /// # Errors
    /// If the topic is malformed, the `EventPool` is closed, or an order by key rejects the emission. Also inside a listener, if
    /// 64 `emit_sync` already run inside one another on this thread: its stack would overflow. The error returns the payload.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// soiree.on("user.created", |_| Err::<(), _>("no mail server"))?;
    /// let report = soiree.emit_sync("user.created", "Matty Ice")?;
    /// assert_eq!((report.delivered(), report.failed()), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "EmitSync")]
    pub fn emit_sync<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Report, EmitError> {
        self.inner.emitter.emit_sync(topic, payload)
    }

    /// Emits an event of your own: a [`BaseEvent`](crate::BaseEvent), or a type that implements [`Event`]. Blocks as
    /// [`emit`](EventPool::emit) does.
    ///
    /// # Errors
    /// As [`emit`](EventPool::emit).
    ///
    /// ```
    /// use soiree::BaseEvent;
    /// # let soiree = soiree::EventPool::new();
    /// let event = BaseEvent::new("order.shipped", 17_u64).with_property("request", "r-17");
    /// soiree.emit_event(event)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.inner.emitter.emit_event(event)
    }

    /// Emits an event of your own and calls the listeners on this thread. Blocks as [`emit_sync`](EventPool::emit_sync) does.
    ///
    /// # Errors
    /// As [`emit_sync`](EventPool::emit_sync).
    pub fn emit_event_sync(&self, event: &dyn Event) -> Result<Report, EmitError> {
        self.inner.emitter.emit_event_sync(event)
    }
}

/// # Closing
impl EventPool {
    /// Closes as [`close`](EventPool::close) does, and waits until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`close`](EventPool::close), and [`CloseError::DrainTimeout`] if the deadline passes first. The `EventPool` *is* closed
    /// then:
    ///
    /// - Emissions that waited in a pool that was passed by value, or behind another event of their key, were discarded. Their
    ///   reports say so.
    /// - Retries that waited were given up. The reports have the error of the attempt before.
    /// - A shared pool still runs what waits in it. The last emission to end removes the listeners.
    ///
    /// The error says how many emissions there were of each kind, and describes some of them. So each accepted emission was handled,
    /// has a report, or is counted as running.
    pub fn close_with_deadline(&self, deadline: Instant) -> Result<(), CloseError> {
        self.inner.emitter.close(Some(deadline))
    }

    /// Returns `true` once a close has started.
    pub fn is_closed(&self) -> bool {
        self.inner.emitter.is_closed()
    }
}

/// # Handles
impl EventPool {
    /// Makes an `EventPool` on this pool. A pool passed by value is released at close; an `Arc` is left running.
    ///
    /// ```
    /// # #[cfg(feature = "pool")] {
    /// use soiree::{EventPool, WorkerPool};
    ///
    /// let soiree = EventPool::with_pool(WorkerPool::new(2, 16)?);
    /// # soiree.close()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "WithPool")]
    pub fn with_pool(pool: impl Into<PoolHandle>) -> Self {
        Builder::with_pool(pool).build_without_bulkheads()
    }

    /// Returns a handle that does not keep the `EventPool` alive, for listeners to capture.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// let weak = soiree.downgrade();
    /// soiree.on("user.created", move |_| {
    ///     if let Some(soiree) = weak.upgrade() {
    ///         let _ = soiree.emit("mail.queued", "welcome");
    ///     }
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn downgrade(&self) -> WeakEventPool {
        WeakEventPool(Arc::downgrade(&self.inner))
    }
}
