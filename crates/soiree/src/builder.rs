//! Configuring an `EventPool` before it is made.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::{
    BulkheadError, DeadLetter, Event, ListenerError, ListenerId, ListenerPanic, Observer,
    PoolHandle, SlowListener, Timer,
};
use soiree_engine::{Emitter, Settings, SlowListenerMonitor};

use crate::handle::{EventPool, IdGenerator, Inner};
use crate::timer_thread::TimerThread;

/// Configures an [`EventPool`]. Returned by [`EventPool::builder`].
///
/// Most settings can be changed later: `set_…` methods of the `EventPool` replace handlers, thresholds and the default pool, and
/// `add_…` methods add bulkheads, routes, orders and observers. These cannot be changed: [`timer`](Builder::timer),
/// [`slow_listener_timer`](Builder::slow_listener_timer), [`retry_capacity`](Builder::retry_capacity) and
/// [`waiting_capacity`](Builder::waiting_capacity).
///
/// | here | later, on the `EventPool` |
/// |---|---|
/// | `error_handler`, `panic_handler`, `unheard_event_handler` | `set_error_handler`, `set_panic_handler`, `set_unheard_event_handler` |
/// | `dead_letter_handler` | `set_dead_letter_handler`, or `set_dead_letter_topic` |
/// | `slow_listeners`, `slow_listener_handler` | `set_slow_listeners`, `set_slow_listener_handler` |
/// | `many_listeners`, `error_buffer`, `id_generator` | `set_many_listeners`, `set_error_buffer`, `set_id_generator` |
/// | `pool` | `set_pool` |
/// | `bulkhead` | `add_bulkhead`; `resize_bulkhead` and `drain_bulkhead` change and remove one |
/// | `route` | `add_route`, `remove_route` |
/// | `ordered` | `add_order`, `remove_order` |
/// | `observer` | `add_observer`, `remove_observers` |
///
/// Only the `EventPool` has `set_dead_letter_topic` and `add_metrics`, as they emit and read. A handler cannot be removed, only replaced
/// by one that does nothing.
///
/// ```
/// use soiree::EventPool;
///
/// let soiree = EventPool::builder()
///     .error_handler(|event, error| {
///         eprintln!("{}: {error}", event.topic());
///         Some(error)
///     })
///     .error_buffer(8)
///     .build()?;
/// # soiree.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Builder {
    pub(crate) settings: Settings,
    id_generator: IdGenerator,
    /// The first bulkhead or order that is invalid.
    pub(crate) error: Option<BulkheadError>,
    /// Patterns and the names of bulkheads, which may be added after their routes.
    routes: Vec<(Box<str>, Box<str>)>,
}

impl Builder {
    /// Starts with this pool as the default one. A pool passed by value is released at close; an `Arc` is left running.
    pub fn with_pool(pool: impl Into<PoolHandle>) -> Self {
        let mut settings = Settings::new(pool);
        settings.timer = Some(Arc::new(TimerThread::default()));
        settings.handlers.slow_listener_monitor =
            Some(SlowListenerMonitor::new(Arc::new(TimerThread::default())));
        Self {
            settings,
            id_generator: IdGenerator::new(ListenerId::generate),
            error: None,
            routes: Vec::new(),
        }
    }

    /// Sets the default pool, which runs every emission that no route sends to a bulkhead.
    #[doc(alias = "WithPool")]
    pub fn pool(mut self, pool: impl Into<PoolHandle>) -> Self {
        self.settings.pool = pool.into();
        self
    }

    /// Adds a bulkhead: a pool for one kind of work, which then cannot starve other kinds. [`route`](Builder::route) says which
    /// topics go there. A pool passed by value is released at close; an `Arc` is left running.
    ///
    /// A listener should not *wait* for emissions on other bulkheads: it holds a worker of its own bulkhead meanwhile. Two
    /// bulkheads whose workers wait for each other wait forever.
    ///
    /// An invalid name is reported by [`build`](Builder::build).
    ///
    /// ```
    /// use soiree::{EventPool, Overflow, WorkerPool};
    ///
    /// let bulk = WorkerPool::builder().name("bulk").max_workers(2).capacity(16);
    /// let soiree = EventPool::builder()
    ///     .bulkhead("bulk", bulk.overflow(Overflow::Reject).build()?)
    ///     .route("export.**", "bulk")
    ///     .build()?;
    /// soiree.on("**", |event| println!("{} on {:?}", event.topic(), std::thread::current().name()))?;
    /// soiree.emit("export.csv.started", ())?.wait();   // on bulk-0
    /// soiree.emit("user.created", ())?.wait();         // on soiree-0
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bulkhead(mut self, name: &str, pool: impl Into<PoolHandle>) -> Self {
        let added = self.settings.bulkheads.add(name, pool.into());
        self.error = self.error.or(added.err());
        self
    }

    /// Runs emissions on topics that match the pattern on the bulkhead of this name, or on the default pool if the name is
    /// `default`.
    ///
    /// If several routes match, the most specific one wins: the one with the most literal segments; then the one with the most
    /// `*`; then the one with the fewest `**`. A route may be added before its bulkhead.
    ///
    /// An invalid route is reported by [`build`](Builder::build), and so is one that would tie: it matches a topic of another
    /// route, is equally specific, and leads to another pool. A second route of the same pattern ties, however it is spelled.
    pub fn route(mut self, pattern: &str, bulkhead: &str) -> Self {
        self.routes.push((pattern.into(), bulkhead.into()));
        self
    }

    /// Sets the error handler: called for every error and panic of a listener, on the thread that ran the listener.
    ///
    /// The report gets the error that the handler returns. If it returns `None`, the report gets none and there is no retry. If
    /// it panics, the report gets the original error.
    ///
    /// Without an error handler, an error that nobody reads is printed: see [`Emission`](crate::Emission). So is a panic, unless there
    /// is a [panic handler](Builder::panic_handler).
    ///
    /// ```
    /// use soiree::EventPool;
    ///
    /// let soiree = EventPool::builder().error_handler(|_, _| None).build()?;
    /// soiree.on("user.*", |_| Err::<(), _>("ignored"))?;
    /// let report = soiree.emit_sync("user.created", "Matty Ice")?;
    /// assert_eq!((report.failed(), report.errors().len()), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("WithErrorHandler", "DefaultErrorHandler"))]
    pub fn error_handler(
        mut self,
        handler: impl Fn(&dyn Event, ListenerError) -> Option<ListenerError> + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.error = Some(Arc::new(handler));
        self
    }

    /// Sets the panic handler: called for every panic of a listener, before the error handler. A panic of the handler itself is
    /// dropped.
    #[doc(alias("WithPanicHandler", "DefaultPanicHandler"))]
    pub fn panic_handler(
        mut self,
        handler: impl Fn(&ListenerPanic<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.panic = Some(Arc::new(handler));
        self
    }

    /// Sets the unheard event handler: called for every event that no listener was called for, aborted ones excepted. A panic of the
    /// handler is dropped.
    pub fn unheard_event_handler(
        mut self,
        handler: impl Fn(&dyn Event) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.unheard_event = Some(Arc::new(handler));
        self
    }

    /// Sets the dead letter handler: called when the last attempt of a listener with [retries](crate::ListenerOptions::retry) has
    /// failed, on the thread of that attempt. A panic of the handler is dropped.
    ///
    /// An event that carries a [`DeadLetter`] does not become a dead letter itself, so failing dead letters do not loop.
    pub fn dead_letter_handler(
        mut self,
        handler: impl Fn(&DeadLetter) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.dead_letter = Some(Arc::new(handler));
        self
    }

    /// Adds an observer, which is notified of every emission, job, listener call and subscription. To keep access to it, pass an
    /// `Arc`.
    ///
    /// Observers are called on the thread that does the work, and hold it up. One that says what it is
    /// [interested](Observer::interest) in costs only that, and soiree reads the clock only for jobs and listeners that an observer is
    /// interested in. [`EventPool::add_observer`] adds one later.
    ///
    /// ```
    /// use soiree::EventPool;
    /// use soiree::observe::{EmissionEnded, Interest, Observer};
    ///
    /// struct Log;
    ///
    /// impl Observer for Log {
    ///     fn interest(&self) -> Interest {
    ///         Interest::EMISSIONS
    ///     }
    ///
    ///     fn emission_ended(&self, ended: &EmissionEnded<'_>) {
    ///         println!("{}: {} called, {} failed", ended.topic, ended.delivered, ended.failed);
    ///     }
    /// }
    ///
    /// let soiree = EventPool::builder().observer(Log).build()?;
    /// soiree.emit("user.created", "Matty Ice")?;
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.settings.handlers.observers.add(Arc::new(observer));
        self
    }

    /// Reports listeners that run for longer than `threshold` to the [slow listener handler](Builder::slow_listener_handler) and
    /// to observers. [`ListenerOptions::slow_after`] overrides the threshold for one listener. By default there is none.
    ///
    /// A slow listener is not interrupted. It is reported while it still runs, and once more when it has ended. A thread of its
    /// own does that. It ends when no listener that was called could still reach its threshold, and when the `EventPool` is
    /// closed or dropped.
    ///
    /// ```
    /// use soiree::EventPool;
    /// use std::time::Duration;
    ///
    /// let soiree = EventPool::builder()
    ///     .slow_listeners(Duration::from_secs(1))
    ///     .slow_listener_handler(|slow| {
    ///         let end = if slow.ended { "has run" } else { "has been running" };
    ///         eprintln!("{:?} {end} for {:?} on {}", slow.listener.name, slow.running_for, slow.topic);
    ///     })
    ///     .build()?;
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`ListenerOptions::slow_after`]: crate::ListenerOptions::slow_after
    pub fn slow_listeners(mut self, threshold: Duration) -> Self {
        self.settings.handlers.slow_after = Some(threshold);
        self
    }

    /// Reports a pattern with more than `threshold` listeners to [`Observer::many_listeners`], once, with the places in the source
    /// that subscribed them. By default with more than 100. Often they leak: something subscribes again and again, and never
    /// unsubscribes.
    ///
    /// Without an observer, the report is one line on stderr. It is no limit: the listeners are subscribed and called. With 0
    /// nothing is reported.
    ///
    /// ```
    /// use soiree::EventPool;
    /// use soiree::observe::{ManyListeners, Observer};
    ///
    /// struct Leaks;
    ///
    /// impl Observer for Leaks {
    ///     fn many_listeners(&self, many: &ManyListeners<'_>) {
    ///         eprintln!("{many}");
    ///     }
    /// }
    ///
    /// let soiree = EventPool::builder().many_listeners(1_000).observer(Leaks).build()?;
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias(
        "setMaxListeners",
        "defaultMaxListeners",
        "MaxListenersExceededWarning"
    ))]
    pub fn many_listeners(mut self, threshold: usize) -> Self {
        self.settings.many_listeners = threshold;
        self
    }

    /// Sets the slow listener handler: called for every listener that runs for longer than its
    /// [threshold](Builder::slow_listeners). A panic of the handler is dropped.
    pub fn slow_listener_handler(
        mut self,
        handler: impl Fn(&SlowListener<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.slow_listener = Some(Arc::new(handler));
        self
    }

    /// Replaces the timer that watches for slow listeners, by default [a thread of its own](Builder::slow_listeners). For tests,
    /// and for programs that have a timer.
    ///
    /// The timer calls the slow listener handler and observers, and they may take their time: give it nothing else to do.
    pub fn slow_listener_timer(mut self, timer: impl Timer + 'static) -> Self {
        self.settings.handlers.slow_listener_monitor =
            Some(SlowListenerMonitor::new(Arc::new(timer)));
        self.settings.payloads_apart = true;
        self
    }

    /// Limits how many calls of listeners may wait at once: for a place in the listener's own pool, see
    /// [`ListenerOptions::when_full`](crate::ListenerOptions::when_full), and for their turn, see
    /// [`ListenerOptions::max_concurrent`](crate::ListenerOptions::max_concurrent). By default 1,024, all together. Beyond that, they
    /// are rejected.
    pub fn waiting_capacity(mut self, calls: usize) -> Self {
        self.settings.waiting_capacity = calls;
        self
    }

    /// Limits how many retries may wait for their next attempt at once. By default 1,024. If a listener fails while the limit is
    /// reached, it gets no further attempt, and the event is a dead letter.
    ///
    /// If the limit is 0, subscribing a listener with more than one attempt is an error.
    pub fn retry_capacity(mut self, retries: usize) -> Self {
        self.settings.retry_capacity = retries;
        self
    }

    /// Replaces the timer for [retries](crate::ListenerOptions::retry) and [timeouts](crate::ListenerOptions::timeout), which by
    /// default is a thread that exists only while a retry or a timeout is pending. For tests, and for programs that have a timer.
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.settings.timer = Some(Arc::new(timer));
        self.settings.payloads_apart = true;
        self
    }

    /// Sets how many errors a report keeps. By default 64. Further errors are only counted; their contents are lost.
    #[doc(alias = "WithErrChanBufferSize")]
    pub fn error_buffer(mut self, errors: usize) -> Self {
        self.settings.error_buffer = errors;
        self
    }

    /// Sets the generator of listener IDs. By default IDs are ULIDs. The IDs of one pattern must differ.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let next = AtomicU64::new(1);
    /// let soiree = soiree::EventPool::builder()
    ///     .id_generator(move || next.fetch_add(1, Ordering::Relaxed).to_string())
    ///     .build()?;
    /// assert_eq!(soiree.on("user.*", |_| {})?.as_str(), "1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "WithIDGenerator")]
    pub fn id_generator<I: Into<ListenerId>>(
        mut self,
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self {
        self.id_generator = IdGenerator::new(generator);
        self
    }

    /// Makes the `EventPool`.
    ///
    /// # Errors
    /// If a bulkhead, a route or an [order by key](Builder::ordered) is invalid; the error is about the first one. A bulkhead's
    /// name may be empty or taken. A route may have a malformed pattern or an unknown bulkhead, or may contradict another: two
    /// routes that match the same topic and are equally specific must lead to the same pool.
    pub fn build(mut self) -> Result<EventPool, BulkheadError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let bulkheads = &mut self.settings.bulkheads;
        for (pattern, to) in &self.routes {
            bulkheads.route_unique(pattern, to)?;
        }
        Ok(self.build_without_bulkheads())
    }

    /// Cannot fail, as neither bulkheads nor routes were added.
    pub(crate) fn build_without_bulkheads(self) -> EventPool {
        let emitter = Emitter::new(self.settings);
        EventPool {
            inner: Arc::new(Inner::new(emitter, self.id_generator)),
        }
    }
}

/// One worker for each core, and a queue of 1,024 events.
#[cfg(feature = "pool")]
pub(crate) fn default_pool() -> soiree_pool::WorkerPool {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    soiree_pool::WorkerPool::builder()
        .name("soiree")
        .max_workers(workers)
        .capacity(1024)
        .build()
        .expect("the defaults are valid")
}
