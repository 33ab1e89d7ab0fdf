//! The machinery under an `EventPool`: a registry, a gate, settings and a pool.

mod close;
mod introspect;
mod launch;
mod ordered;
mod scene;
mod settings;
mod sync;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use arc_swap::ArcSwap;

pub use self::close::CloseError;
use self::scene::{Scene, Scenes};
use self::settings::Current;
pub use self::settings::Settings;
use crate::dispatch::Audience;
use crate::emission::{
    Attributes, Bare, Emission, EmitError, Hub, Report, Setup, Stalled, View, Whole,
};
use crate::gate::TaskTracker;
use crate::trace;
use soiree_core::registry::{Lookup, Registration};
use soiree_core::{
    EmissionRejected, Event, InvalidTopic, Listener, ListenerId, ListenerOptions, Pattern, Payload,
    Pool, Registry, Rejection, SubscribeError, ValueCarrier as Value, validate_topic,
};

/// Emits events to the listeners of a registry, on a pool.
///
/// This is what an `EventPool` is made of. It has no threads of its own.
pub struct Emitter {
    hub: Arc<Hub>,
    /// What the scene has as well, for whoever waits for a pool with it, and would be inside the scene meanwhile.
    current: ArcSwap<Current>,
    scenes: Arc<Scenes>,
    /// Locked by whoever changes the settings. What held before, as long as emissions begun with it are on their way.
    former: Mutex<Vec<Weak<Setup>>>,
}

impl Emitter {
    /// An emitter without listeners.
    pub fn new(settings: Settings) -> Self {
        let hub = Arc::new(Hub {
            registry: Registry::new(),
            gate: TaskTracker::new(),
            clear_late: AtomicBool::new(false),
            retries: AtomicUsize::new(0),
            stalled: Stalled::default(),
        });
        hub.registry.observe(settings.handlers.observers.clone());
        let current = Current::new(&hub, settings);
        let scenes = Arc::new(Scenes::new(
            &hub,
            hub.registry.snapshot(),
            Arc::clone(&current),
        ));
        let follower = Arc::downgrade(&scenes);
        hub.registry.set_publish_hook(follower);
        Self {
            hub,
            current: ArcSwap::new(current),
            scenes,
            former: Mutex::default(),
        }
    }

    /// Who listens to what.
    pub fn registry(&self) -> &Registry {
        &self.hub.registry
    }

    /// Subscribes a listener.
    ///
    /// # Errors
    /// As [`Registry::add`], and if the options name a pool that there is not, or one that does not suit the listener.
    pub fn subscribe(
        &self,
        pattern: &Pattern,
        id: ListenerId,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<(), SubscribeError> {
        let registration = Registration::new(pattern, id, options, listener)?;
        let is_async = registration.is_async();
        let current = self.current.load();
        let settings = &current.settings;
        if let Some(name) = registration.pool() {
            let pool = settings.pool(name);
            let pool = pool.map_err(SubscribeError::UnknownPool)?;
            if is_async && !pool.polls_futures() {
                let pool = Arc::clone(name);
                return Err(SubscribeError::PollsNoFutures { pool });
            }
        }
        let retry = registration.retry();
        let attempts = retry.map_or(1, |retry| retry.attempts());
        if attempts > 1 && settings.retry_capacity == 0 {
            return Err(SubscribeError::NoRetryCapacity { attempts });
        }
        let is_timed = retry.is_some() || registration.timeout().is_some();
        if is_timed && settings.timer.is_none() {
            return Err(SubscribeError::NoTimer);
        }
        if registration.slow_after().is_some() && settings.handlers.slow_listener_monitor.is_none()
        {
            return Err(SubscribeError::NoSlowListenerMonitor);
        }
        drop(current);
        self.registry().register(pattern, registration)
    }

    /// The pool that runs what no route leads to a bulkhead.
    pub fn pool(&self) -> Arc<dyn Pool> {
        Arc::clone(self.current.load().settings.pool.pool())
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
        if let Err(barred) = self.admit(topic) {
            return Err(barred.with(topic, Payload::new(payload)));
        }
        let cargo = Bare {
            value: Value(payload),
            attributes: Attributes::default(),
        };
        self.launch(topic, cargo)
    }

    /// Emits an event of the caller's own on the pool. Its topic is read once, now.
    ///
    /// # Errors
    /// As [`emit`](Emitter::emit).
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        let topic: Box<str> = event.topic().into();
        if let Err(barred) = self.admit(&topic) {
            return Err(barred.with(&topic, event.payload()));
        }
        self.launch(&topic, Whole(event))
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
        let source = LazyLock::new(move || Payload::new(payload));
        let attributes = Attributes::default();
        let event = View {
            topic,
            attributes: &attributes,
            source: &source,
        };
        let hash = self.hub.registry.hash(topic);
        let reported = self.scenes.inside(|scene| {
            let found = scene.snapshot.find(hash, topic);
            match found {
                Lookup::Cached(known) if known.plain && scene.is_quiet() => {
                    self.run_quietly(scene, known, topic, &event)
                }
                found => self.run_found(scene, found, topic, &event),
            }
        });
        reported.map_err(|unreported| self.told(unreported, topic, &event))
    }

    /// Emits an event of the caller's own on the calling thread, and returns when its listeners have.
    ///
    /// # Errors
    /// As [`emit_sync`](Emitter::emit_sync).
    pub fn emit_event_sync(&self, event: &dyn Event) -> Result<Report, EmitError> {
        let topic: Box<str> = event.topic().into();
        let hash = self.hub.registry.hash(&topic);
        let reported = self.scenes.inside(|scene| {
            let found = scene.snapshot.find(hash, &topic);
            self.run_found(scene, found, &topic, event)
        });
        reported.map_err(|unreported| self.told(unreported, &topic, event))
    }

    /// Calls the listeners of one pattern alone, on the calling thread, whatever the event's topic.
    ///
    /// # Errors
    /// As [`emit_sync`](Emitter::emit_sync).
    pub fn trigger(&self, pattern: &Pattern, event: &dyn Event) -> Result<Report, EmitError> {
        let topic: Box<str> = event.topic().into();
        let reported = self.scenes.inside(|scene| {
            let audience = Audience::Of(pattern, &scene.snapshot);
            self.run_checked(scene, event, validate_topic(&topic), audience, &topic)
        });
        reported.map_err(|unreported| self.told(unreported, &topic, event))
    }

    /// Calls the listeners of a topic. Whatever topic is known is sound.
    fn run_found(
        &self,
        scene: &Scene,
        found: Lookup<'_>,
        topic: &str,
        event: &dyn Event,
    ) -> Result<Report, Unreported> {
        let checked = match found {
            Lookup::Cached(_) => Ok(()),
            Lookup::Uncached(_) => validate_topic(topic),
        };
        let audience = Audience::In(&scene.snapshot, found);
        self.run_checked(scene, event, checked, audience, topic)
    }

    fn run_checked(
        &self,
        scene: &Scene,
        event: &dyn Event,
        checked: Result<(), InvalidTopic>,
        audience: Audience<'_>,
        topic: &str,
    ) -> Result<Report, Unreported> {
        match checked {
            Ok(()) if scene.is_open() => self.run(scene, audience, topic, event),
            Ok(()) => Err(Unreported::Barred(Barred::Closed)),
            Err(source) => Err(Unreported::Barred(Barred::InvalidTopic(source))),
        }
    }

    /// Tells why an emission has not begun. Outside the scene: who is told may close the emitter.
    #[cold]
    fn told(&self, unreported: Unreported, topic: &str, event: &dyn Event) -> EmitError {
        match unreported {
            Unreported::Barred(barred) => self.bar(barred, topic).with(topic, event.payload()),
            Unreported::Rejected(error) => *error,
        }
    }

    /// Enters the gate, or tells why not.
    fn admit(&self, topic: &str) -> Result<(), Barred> {
        match validate_topic(topic) {
            Ok(()) if self.hub.gate.enter() => Ok(()),
            Ok(()) => Err(self.bar(Barred::Closed, topic)),
            Err(source) => Err(self.bar(Barred::InvalidTopic(source), topic)),
        }
    }

    #[cold]
    fn bar(&self, barred: Barred, topic: &str) -> Barred {
        let current = self.current.load();
        let reason = match &barred {
            Barred::InvalidTopic(source) => Rejection::InvalidTopic(source),
            Barred::Closed => Rejection::Closed,
        };
        trace::refused(topic, reason);
        let refused = EmissionRejected::new(topic, reason);
        let observers = &current.settings.handlers.observers;
        observers.notify(|observer| observer.emission_rejected(&refused));
        barred
    }
}

/// Why there is no report of an emission on the thread that emits.
enum Unreported {
    /// Nobody has been told yet.
    Barred(Barred),
    Rejected(Box<EmitError>),
}

impl From<EmitError> for Unreported {
    fn from(error: EmitError) -> Self {
        Self::Rejected(Box::new(error))
    }
}

/// Why an emission does not begin.
enum Barred {
    InvalidTopic(InvalidTopic),
    Closed,
}

impl Barred {
    #[cold]
    fn with(self, topic: &str, payload: Payload) -> EmitError {
        match self {
            Self::InvalidTopic(source) => EmitError::InvalidTopic { source, payload },
            Self::Closed => EmitError::Closed {
                topic: topic.into(),
                payload,
            },
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

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("registry", &self.hub.registry)
            .field("closed", &self.is_closed())
            .field("settings", &self.current.load().settings)
            .finish()
    }
}
