//! The machinery under an `EventPool`: a registry, a gate, settings and a pool.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;

use crate::dispatch::{Audience, Handlers, dispatch};
use crate::emission::{
    Attributes, Bare, Cargo, Core, Emission, EmitError, Errors, Flight, Frame, Hub, Report, Setup,
    View, Whole, enter_frame, inside_any,
};
use crate::event::Event;
use crate::gate::Gate;
use crate::job::Job;
use crate::payload::{Payload, Value};
use crate::pool::{Pool, SubmitError, Unfinished, far_future};
use crate::pool_handle::PoolHandle;
use crate::registry::Registry;
use crate::topic::{Pattern, validate_topic};

/// What holds for emissions that begin from now on.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What is told of failures and dead events.
    pub handlers: Handlers,
    /// How many errors a report keeps.
    pub error_buffer: usize,
    /// What runs emissions.
    pub pool: PoolHandle,
}

/// Emits events to the listeners of a registry, on a pool.
///
/// This is what an `EventPool` is made of. It has no threads of its own.
pub struct Emitter {
    hub: Arc<Hub>,
    current: ArcSwap<Current>,
    /// Locked by whoever changes the settings. What held before, as long as emissions begun with it are on their way.
    former: Mutex<Vec<Weak<Setup>>>,
}

struct Current {
    settings: Settings,
    /// The part that emissions keep.
    setup: Arc<Setup>,
}

/// An `EventPool` was not closed, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// It was closed before, or is being closed.
    #[error("the event pool is closed already")]
    AlreadyClosed,
    /// The caller is a listener, or a job of the pool, that the close would have to wait for.
    #[error("an event pool cannot be closed from inside its own listeners or pool")]
    InsideListener,
    /// The deadline came first. It is closed, and this was left.
    #[error("{emissions} emissions had not ended at the deadline; the pool: {pool:?}")]
    Unfinished {
        /// Emissions that had not ended, those among them that the pool discarded then included.
        emissions: u64,
        /// What the pool had left, if it was released.
        pool: Option<Unfinished>,
    },
}

impl Settings {
    /// No handlers, reports that keep up to 64 errors, and this pool.
    pub fn new(pool: impl Into<PoolHandle>) -> Self {
        Self {
            handlers: Handlers::default(),
            error_buffer: 64,
            pool: pool.into(),
        }
    }
}

impl Current {
    fn new(hub: &Arc<Hub>, settings: Settings) -> Arc<Self> {
        let setup = Arc::new(Setup {
            hub: Arc::clone(hub),
            handlers: settings.handlers.clone(),
            error_buffer: settings.error_buffer,
            pool: Arc::downgrade(&settings.pool.pool),
            worker_check: settings.pool.pool.worker_check(),
        });
        Arc::new(Self { settings, setup })
    }
}

impl Emitter {
    /// An emitter without listeners.
    pub fn new(settings: Settings) -> Self {
        let hub = Arc::new(Hub {
            registry: Registry::new(),
            gate: Gate::new(),
            clear_late: AtomicBool::new(false),
        });
        let current = ArcSwap::new(Current::new(&hub, settings));
        Self {
            hub,
            current,
            former: Mutex::default(),
        }
    }

    /// Who listens to what.
    pub fn registry(&self) -> &Registry {
        &self.hub.registry
    }

    /// The pool that runs emissions now.
    pub fn pool(&self) -> Arc<dyn Pool> {
        Arc::clone(&self.current.load().settings.pool.pool)
    }

    /// Changes the settings for emissions that begin afterwards. Those on their way keep what they began with.
    pub fn update(&self, change: impl FnOnce(&mut Settings)) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = self.current.load().settings.clone();
        change(&mut settings);
        former.retain(|setup| setup.strong_count() > 0);
        former.push(Arc::downgrade(&self.current.load().setup));
        let old = self.current.swap(Current::new(&self.hub, settings));
        drop(former);
        drop(old);
    }

    /// Emits a payload on the pool. Blocks only where the pool does.
    ///
    /// # Errors
    /// If the topic is malformed, the emitter closed, or the pool refuses. The payload comes back.
    pub fn emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        if let Err(source) = validate_topic(topic) {
            return Err(EmitError::InvalidTopic {
                source,
                payload: Payload::new(payload),
            });
        }
        let current = self.current.load();
        if !self.hub.gate.enter() {
            return Err(EmitError::Closed {
                topic: topic.into(),
                payload: Payload::new(payload),
            });
        }
        let cargo = Bare {
            value: Value(payload),
            attributes: Attributes::default(),
        };
        launch(&current, topic, cargo)
    }

    /// Emits an event of the caller's own on the pool. Its topic is read once, now.
    ///
    /// # Errors
    /// As [`emit`](Emitter::emit).
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        let topic: Box<str> = event.topic().into();
        if let Err(source) = validate_topic(&topic) {
            return Err(EmitError::InvalidTopic {
                source,
                payload: event.payload(),
            });
        }
        let current = self.current.load();
        if !self.hub.gate.enter() {
            return Err(EmitError::Closed {
                topic,
                payload: event.payload(),
            });
        }
        launch(&current, &topic, Whole(event))
    }

    /// Emits a payload on the calling thread, and returns when its listeners have.
    ///
    /// # Errors
    /// If the topic is malformed or the emitter closed. The payload comes back.
    pub fn emit_sync<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Report, EmitError> {
        if let Err(source) = validate_topic(topic) {
            return Err(EmitError::InvalidTopic {
                source,
                payload: Payload::new(payload),
            });
        }
        if !self.hub.gate.enter() {
            return Err(EmitError::Closed {
                topic: topic.into(),
                payload: Payload::new(payload),
            });
        }
        let _inside = Inside(&self.hub);
        let carrier = Arc::new(Value(payload));
        let attributes = Attributes::default();
        let event = View {
            topic,
            attributes: &attributes,
            carrier: &carrier,
        };
        Ok(self.run(Audience::Matching(topic), &event))
    }

    /// Emits an event of the caller's own on the calling thread, and returns when its listeners have.
    ///
    /// # Errors
    /// As [`emit_sync`](Emitter::emit_sync).
    pub fn emit_event_sync(&self, event: &dyn Event) -> Result<Report, EmitError> {
        let topic: Box<str> = event.topic().into();
        self.run_checked(event, Audience::Matching(&topic), &topic)
    }

    /// Calls the listeners of one pattern alone, on the calling thread, whatever the event's topic.
    ///
    /// # Errors
    /// As [`emit_sync`](Emitter::emit_sync).
    pub fn trigger(&self, pattern: &Pattern, event: &dyn Event) -> Result<Report, EmitError> {
        let topic: Box<str> = event.topic().into();
        self.run_checked(event, Audience::Of(pattern, &topic), &topic)
    }

    fn run_checked(
        &self,
        event: &dyn Event,
        audience: Audience<'_>,
        topic: &str,
    ) -> Result<Report, EmitError> {
        if let Err(source) = validate_topic(topic) {
            return Err(EmitError::InvalidTopic {
                source,
                payload: event.payload(),
            });
        }
        if !self.hub.gate.enter() {
            return Err(EmitError::Closed {
                topic: topic.into(),
                payload: event.payload(),
            });
        }
        let _inside = Inside(&self.hub);
        Ok(self.run(audience, event))
    }

    fn run(&self, audience: Audience<'_>, event: &dyn Event) -> Report {
        let current = self.current.load();
        let settings = &current.settings;
        let _entered = enter_frame(Frame {
            hub: Arc::as_ptr(&self.hub).addr(),
            flight: 0,
            pool: 0,
        });
        let mut errors = Errors::default();
        let tally = dispatch(
            &self.hub.registry,
            audience,
            event,
            &settings.handlers,
            &mut |error| {
                errors.push(error, settings.error_buffer);
            },
        );
        Report::ended(tally, errors)
    }

    /// Whether the calling thread works for a pool that a close would wait for.
    fn is_on_a_pool_of_its(&self) -> bool {
        let former = self
            .former
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut former = former.iter().filter_map(Weak::upgrade);
        self.current.load().setup.is_on_its_pool() || former.any(|setup| setup.is_on_its_pool())
    }

    /// Whether [`close`](Emitter::close) was called.
    pub fn is_closed(&self) -> bool {
        self.hub.gate.is_closed()
    }

    /// Refuses new emissions, waits for those accepted, takes off the listeners, and releases the pool if it was handed
    /// over.
    ///
    /// # Errors
    /// If it was closed before, is called from inside a listener or job of the pool, or the deadline comes first. In the
    /// last case it *is* closed: a pool that was handed over discards what has not started, one that is shared runs it
    /// later, and the last emission takes the listeners off.
    pub fn close(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        let hub = Arc::as_ptr(&self.hub).addr();
        let handle = self.current.load().settings.pool.clone();
        if inside_any(|frame| frame.hub == hub) || self.is_on_a_pool_of_its() {
            return Err(CloseError::InsideListener);
        }
        if !self.hub.gate.close() {
            return Err(CloseError::AlreadyClosed);
        }
        let ended = self.hub.gate.wait_empty(deadline);
        let emissions = if ended { 0 } else { self.hub.gate.inside() };
        if ended {
            self.hub.registry.close();
        } else {
            self.hub.clear_late.store(true, Ordering::SeqCst);
        }
        let mut released = Ok(());
        if handle.owned {
            released = handle
                .pool
                .release_with_deadline(deadline.unwrap_or_else(far_future));
        }
        self.hub.clear_if_late();
        match released {
            Ok(()) if ended => Ok(()),
            released => Err(CloseError::Unfinished {
                emissions,
                pool: released.err(),
            }),
        }
    }
}

/// An emission that is on its way takes the listeners off as it ends: payloads that are kept for long hold on to the hub, and
/// must not hold on to listeners.
impl Drop for Emitter {
    fn drop(&mut self) {
        self.hub.gate.close();
        self.hub.clear_late.store(true, Ordering::SeqCst);
        self.hub.clear_if_late();
    }
}

/// Leaves the gate.
struct Inside<'a>(&'a Hub);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// The gate has been entered; the flight leaves it as it ends, refused or not.
fn launch<C: Cargo>(current: &Current, topic: &str, cargo: C) -> Result<Emission, EmitError> {
    let core = Core::new(Arc::clone(&current.setup), topic);
    let flight = Arc::new(Flight { core, cargo });
    let job = Job::from_task(Arc::clone(&flight) as _);
    match current.settings.pool.pool.submit(job) {
        Ok(()) => Ok(Emission::new(flight)),
        Err(refused) => Err(refuse(&flight, refused)),
    }
}

#[cold]
fn refuse<C: Cargo>(flight: &Arc<Flight<C>>, refused: SubmitError) -> EmitError {
    let (job, source) = refused.into_parts();
    drop(job);
    EmitError::Refused {
        topic: flight.core.topic().into(),
        payload: C::payload(flight),
        source,
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("handlers", &self.handlers)
            .field("error_buffer", &self.error_buffer)
            .field("pool", &self.pool)
            .finish()
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("registry", &self.hub.registry)
            .field("closed", &self.is_closed())
            .field("settings", &self.current.load().settings)
            .finish()
    }
}
