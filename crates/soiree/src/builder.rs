//! Making an `EventPool` other than the default one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use soiree_core::{
    BulkheadError, DeadLetter, Event, ListenerError, ListenerId, ListenerPanic, Observer,
    PoolHandle, SlowListener, Timer,
};
use soiree_engine::{Emitter, Settings, SlowListenerMonitor};

use crate::clock::Clock;
use crate::handle::{EventPool, IdGenerator, Inner};

/// Makes an [`EventPool`]. Everything set here can be changed later with the `set_…` method of the same name.
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
    /// The first bulkhead or order that makes no sense.
    pub(crate) fault: Option<BulkheadError>,
    /// Patterns, and where they lead: to bulkheads that may be added after them.
    routes: Vec<(Box<str>, Box<str>)>,
}

impl Builder {
    /// Starts from this pool: released at close if handed over by value, left running if it is an `Arc`.
    pub fn with_pool(pool: impl Into<PoolHandle>) -> Self {
        let mut settings = Settings::new(pool);
        settings.timer = Some(Arc::new(Clock::default()));
        settings.handlers.slow_listener_monitor =
            Some(SlowListenerMonitor::new(Arc::new(Clock::default())));
        Self {
            settings,
            id_generator: IdGenerator::new(ListenerId::generate),
            fault: None,
            routes: Vec::new(),
        }
    }

    /// Runs emissions on this pool.
    #[doc(alias = "WithPool")]
    pub fn pool(mut self, pool: impl Into<PoolHandle>) -> Self {
        self.settings.pool = pool.into();
        self
    }

    /// Adds a pool of its own for one kind of work, so that no other kind can starve it or be starved by it. [`route`] says
    /// which topics go there. Released at close if handed over by value, left running if it is an `Arc`.
    ///
    /// Listeners should not *wait* for emissions on other bulkheads: that holds a worker of one kind of work for another, and
    /// bulkheads whose workers wait for each other wait for ever.
    ///
    /// [`route`]: Builder::route
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
        self.fault = self.fault.or(added.err());
        self
    }

    /// Runs what is emitted on topics that match the pattern on the bulkhead of this name; on the default pool, if the name is
    /// `default`. Of several routes that match, the most specific holds; see [`Bulkheads`](crate::Bulkheads). It does not matter
    /// whether bulkheads or routes to them come first.
    pub fn route(mut self, pattern: &str, bulkhead: &str) -> Self {
        self.routes.push((pattern.into(), bulkhead.into()));
        self
    }

    /// Sees every error and panic of a listener as it happens, on the thread that ran the listener. What it returns goes
    /// into the report, with `None` the error is swallowed. If it panics, the error goes into the report as it was.
    #[doc(alias = "WithErrorHandler")]
    pub fn error_handler(
        mut self,
        handler: impl Fn(&dyn Event, ListenerError) -> Option<ListenerError> + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.error = Some(Arc::new(handler));
        self
    }

    /// Sees every panic of a listener, before the error handler does. If it panics itself, that is dropped.
    #[doc(alias = "WithPanicHandler")]
    pub fn panic_handler(
        mut self,
        handler: impl Fn(&ListenerPanic<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.panic = Some(Arc::new(handler));
        self
    }

    /// Sees every event that was not aborted and for which no listener was called.
    pub fn dead_event_handler(
        mut self,
        handler: impl Fn(&dyn Event) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.dead_event = Some(Arc::new(handler));
        self
    }

    /// Sees every event that a listener with [retries](crate::ListenerOptions::retry) has given up on, on the thread of its last
    /// attempt. If it panics itself, that is dropped.
    ///
    /// Events that carry a [`DeadLetter`] are not handed on again: a dead letter that fails does not loop.
    pub fn dead_letter_handler(
        mut self,
        handler: impl Fn(&DeadLetter) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.dead_letter = Some(Arc::new(handler));
        self
    }

    /// Adds somebody who is told of what happens: emissions, jobs, listeners, subscriptions. To keep hold of it, hand over an
    /// `Arc`. Without observers nothing is timed. Later ones are [added](EventPool::add_observer).
    ///
    /// ```
    /// use soiree::EventPool;
    /// use soiree::observe::{EmissionEnded, Observer};
    ///
    /// struct Log;
    ///
    /// impl Observer for Log {
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

    /// For how long a listener may run before it is told of as slow: to the
    /// [handler](Builder::slow_listener_handler), and to observers. [`ListenerOptions::slow_after`] says otherwise for one listener.
    /// No limit unless set.
    ///
    /// It is told of while it still runs, by a thread that is there only while listeners with a limit run, and once more when it
    /// has ended. It is not interrupted.
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

    /// Sees every listener that runs for longer than it [should](Builder::slow_listeners). If it panics itself, that is dropped.
    pub fn slow_listener_handler(
        mut self,
        handler: impl Fn(&SlowListener<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.handlers.slow_listener = Some(Arc::new(handler));
        self
    }

    /// What wakes up to look for slow listeners, in place of a thread that is there only while there are any to watch. For tests,
    /// and for programs that have a timer already. Handlers and observers are called by it, so it should have nothing else to do.
    pub fn slow_listener_timer(mut self, timer: impl Timer + 'static) -> Self {
        self.settings.handlers.slow_listener_monitor =
            Some(SlowListenerMonitor::new(Arc::new(timer)));
        self
    }

    /// How many listeners may wait for their next attempt at once, until it begins; further ones that fail have had their last.
    /// 1,024 unless set.
    ///
    /// With 0, listeners with a retry of more than one attempt are refused when they are subscribed.
    pub fn retry_capacity(mut self, retries: usize) -> Self {
        self.settings.retry_capacity = retries;
        self
    }

    /// What waits for [retries](crate::ListenerOptions::retry) and [timeouts](crate::ListenerOptions::timeout), in place of a thread
    /// that is there only while there are any. For tests, and for programs that have a timer already.
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.settings.timer = Some(Arc::new(timer));
        self
    }

    /// How many errors a report keeps; the rest is counted. 64 unless set.
    #[doc(alias = "WithErrChanBufferSize")]
    pub fn error_buffer(mut self, errors: usize) -> Self {
        self.settings.error_buffer = errors;
        self
    }

    /// Makes the IDs of listeners. Within one pattern they have to differ. ULIDs unless set.
    #[doc(alias = "WithIDGenerator")]
    pub fn id_generator<I: Into<ListenerId>>(
        mut self,
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self {
        self.id_generator = IdGenerator::new(generator);
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// The first bulkhead or route that makes no sense: a name that is taken or unknown, a malformed pattern, or two routes
    /// that match the same topic, are equally specific and lead to different pools; or the first order by key that does.
    pub fn build(mut self) -> Result<EventPool, BulkheadError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let bulkheads = &mut self.settings.bulkheads;
        for (pattern, to) in &self.routes {
            let mut known = bulkheads.routes();
            if let Some((same, first_to)) = known.find(|(known, _)| *known.as_str() == **pattern) {
                if **first_to != **to {
                    return Err(BulkheadError::Ambiguous {
                        first: same.clone(),
                        first_to: Arc::clone(first_to),
                        second: same.clone(),
                        second_to: (**to).into(),
                    });
                }
            }
            drop(known);
            bulkheads.route(pattern, to)?;
        }
        Ok(self.build_without_bulkheads())
    }

    /// What cannot fail when no bulkhead was added.
    pub(crate) fn build_without_bulkheads(self) -> EventPool {
        let inner = Inner {
            emitter: Emitter::new(self.settings),
            id_generator: ArcSwap::from_pointee(self.id_generator),
            ensured: Mutex::new(HashMap::new()),
        };
        EventPool {
            inner: Arc::new(inner),
        }
    }
}

/// A worker for each core, and a queue of 1,024.
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
