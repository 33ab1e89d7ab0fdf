//! The emitter: emitting on a pool or on the calling thread.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};

use soiree_core::registry::Lookup;
use soiree_core::sync::{Mutex, MutexGuard, ReadMostly, Replaced};
use soiree_core::{Event, Pattern, Payload, PoolHandle, Registry, validate_topic};

use super::current::{Current, pools_of};
use super::generation::{Generation, Generations};
use super::many_listeners::CrowdedPatterns;
use super::not_admitted::{NotAdmitted, Pass, SyncError, check_topic};
use crate::dispatch::Selection;
use crate::emission::{
    Attributes, CustomEvent, Emission, EmissionSettings, EmissionTask, EmitError, EmitterShared,
    EventView, InFlight, OrderQueues, PayloadEvent, PayloadSlot, Report,
};
use crate::settings::Settings;

/// Emits events to the listeners of a registry, on a pool.
///
/// An `EventPool` is made of it. It has no threads of its own.
pub struct Emitter {
    pub(super) shared: Arc<EmitterShared>,
    /// Also in the generation. `emit` uses this one: it may block on a pool, and must not hold a generation meanwhile.
    current: ReadMostly<Current>,
    pub(super) generations: Arc<Generations>,
    /// Locked while the settings change. The queues of orders that were removed or replaced, as long as events of theirs have not ended.
    former_orders: Mutex<Vec<Weak<OrderQueues>>>,
    pub(super) crowded_patterns: CrowdedPatterns,
}

impl Emitter {
    /// An emitter without listeners.
    pub fn new(settings: Settings) -> Self {
        let pools = pools_of(&settings, None);
        let shared = Arc::new(EmitterShared::new(Arc::clone(&pools)));
        let registry = &shared.registry;
        registry.observe(settings.handlers.observers.clone());
        let addressed = &shared.addressed;
        addressed.observe(settings.handlers.observers.clone());
        let current = Current::new(&shared, settings, pools, None);
        let generations = Generations::new(&shared, registry.snapshot(), Arc::clone(&current));
        let generations = Arc::new(generations);
        let hook = Arc::downgrade(&generations);
        registry.set_publish_hook(hook);
        Self {
            shared,
            current: ReadMostly::new(current),
            generations,
            former_orders: Mutex::default(),
            crowded_patterns: CrowdedPatterns::default(),
        }
    }

    pub(super) fn current(&self) -> Arc<Current> {
        self.current.get()
    }

    /// Calls `see` with the settings that apply now. They do not change meanwhile, even if it waits.
    ///
    /// Former settings may be dropped before it and after it, which may close the emitter. So an emission starts and is submitted inside.
    #[inline]
    pub(super) fn with_current<R>(&self, see: impl FnOnce(&Arc<Current>) -> R) -> R {
        self.current.read(see)
    }

    pub(super) fn replace_current(&self, next: Arc<Current>) -> Replaced<Current> {
        self.current.replace(next)
    }

    pub(super) fn former_orders(&self) -> MutexGuard<'_, Vec<Weak<OrderQueues>>> {
        let former = self.former_orders.lock();
        former.unwrap_or_else(PoisonError::into_inner)
    }

    /// Stands for the emitter in a [`Frame`](crate::context::Frame).
    #[inline]
    pub(super) fn frame_address(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Who listens to what.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Emits a payload on the pool. Blocks only if the pool does.
    ///
    /// # Errors
    /// If the topic is malformed, the emitter is closed, or the pool rejects the event. The payload comes back.
    pub fn emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.with_current(|current| {
            let (pool, emission) = self.admit_payload(current, topic, payload)?;
            self.launch(current, pool, emission)
        })
        .map_err(|error| *error)
    }

    /// Starts an emission of a payload, which is to be submitted to this pool.
    #[inline]
    pub(super) fn admit_payload<'c, T: Any + Send + Sync>(
        &self,
        current: &'c Current,
        topic: &str,
        payload: T,
    ) -> Result<(&'c PoolHandle, Arc<dyn InFlight>), Box<EmitError>> {
        if let Err(rejected) = self.admit(topic) {
            return Err(rejected.with(topic, Payload::new(payload)).into());
        }
        let (pool, settings) = current.route(topic);
        let emission: Arc<dyn InFlight> = if current.payloads_apart {
            payload_apart(settings, topic, Payload::new(payload))
        } else {
            let source = PayloadEvent::new(payload);
            Arc::new(EmissionTask::new(Arc::clone(settings), topic, source))
        };
        Ok((pool, emission))
    }

    /// Emits an event of the caller's own type on the pool. Its topic is read once, now.
    ///
    /// # Errors
    /// As [`emit`](Emitter::emit).
    pub fn emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.emit_event_with(event, None)
    }

    pub(super) fn emit_event_with(
        &self,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<Emission, EmitError> {
        match event.detached() {
            Some(detached) => self.emit_custom(detached, pass),
            None => self.emit_custom(event, pass),
        }
    }

    fn emit_custom(
        &self,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<Emission, EmitError> {
        self.with_current(|current| {
            let (pool, emission) = self.admit_event(current, event, pass)?;
            self.launch(current, pool, emission)
        })
        .map_err(|error| *error)
    }

    /// As [`admit_payload`](Self::admit_payload), for an event of the caller's own type.
    pub(super) fn admit_event<'c>(
        &self,
        current: &'c Current,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<(&'c PoolHandle, Arc<dyn InFlight>), Box<EmitError>> {
        let topic: Box<str> = event.topic().into();
        if let Err(rejected) = self.admit_with(&topic, pass) {
            return Err(rejected.with(&topic, event.payload()).into());
        }
        let (pool, settings) = current.route(&topic);
        let emission =
            EmissionTask::custom(Arc::clone(settings), &topic, CustomEvent(event.into()));
        Ok((pool, Arc::new(emission)))
    }

    /// Emits a payload on the calling thread, and returns when its listeners have returned.
    ///
    /// # Errors
    /// If the topic is malformed, the emitter is closed, or [`MAX_SYNC_DEPTH`](Emitter::MAX_SYNC_DEPTH) others run inside one another on
    /// this thread. The payload comes back.
    pub fn emit_sync<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Report, EmitError> {
        let slot = PayloadSlot::new(payload);
        let attributes = Attributes::default();
        let event = EventView {
            topic,
            attributes: &attributes,
            value: slot.value(),
            source: slot.source(),
        };
        let hash = self.registry().hash(topic);
        // A variable, and not a part of the result, which is copied several times.
        let mut reported = None;
        let delivered = self.generations.inside(|generation| {
            let lookup = generation.snapshot.find(hash, topic);
            let ran = match lookup {
                Lookup::Cached(cached) if cached.plain && generation.has_fast_path() => {
                    self.run_fast_path(generation, cached, topic, &event)
                }
                Lookup::Cached(cached) if cached.plain && generation.has_fast_path_in_turn() => {
                    self.run_fast_path_in_turn(generation, cached, topic, &event)
                }
                Lookup::Uncached(hash) if generation.has_fast_path() => {
                    Err(self.run_uncached(generation, hash, topic, &event))
                }
                lookup => Err(self.run_resolved(generation, lookup, topic, &event, None)),
            };
            ran.unwrap_or_else(|report| {
                reported = Some(report);
                0
            })
        });
        let Some(reported) = reported else {
            slot.release();
            return Ok(Report::of_success(delivered));
        };
        let reported =
            reported.or_else(|error| self.run_resolved_while_draining(error, topic, &event, None));
        slot.release();
        reported
    }

    /// Emits an event of the caller's own type on the calling thread, and returns when its listeners have returned.
    ///
    /// # Errors
    /// As [`emit_sync`](Emitter::emit_sync).
    pub fn emit_event_sync(&self, event: &dyn Event) -> Result<Report, EmitError> {
        self.emit_event_sync_with(event, None)
    }

    pub(super) fn emit_event_sync_with(
        &self,
        event: &dyn Event,
        pass: Pass<'_>,
    ) -> Result<Report, EmitError> {
        let topic: Box<str> = event.topic().into();
        let hash = self.registry().hash(&topic);
        let reported = self.generations.inside(|generation| {
            let lookup = generation.snapshot.find(hash, &topic);
            self.run_resolved(generation, lookup, &topic, event, pass)
        });
        reported.or_else(|error| self.run_resolved_while_draining(error, &topic, event, pass))
    }

    /// Calls the listeners of one pattern alone, on the calling thread, whatever the event's topic.
    ///
    /// # Errors
    /// As [`emit_sync`](Emitter::emit_sync).
    pub fn trigger(&self, pattern: &Pattern, event: &dyn Event) -> Result<Report, EmitError> {
        let topic: Box<str> = event.topic().into();
        let reported = self.generations.inside(|generation| {
            let selection = Selection::ExactPattern(pattern, &generation.snapshot);
            let checked = validate_topic(&topic).map_err(NotAdmitted::InvalidTopic);
            let checked = checked.and_then(|()| match generation.snapshot.is_reserved(&topic) {
                true => Err(NotAdmitted::Reserved),
                false => Ok(()),
            });
            self.run_checked(generation, event, checked, selection, &topic)
        });
        reported.or_else(|error| {
            self.run_while_draining(error, &topic, event, None, |snapshot| {
                let selection = Selection::ExactPattern(pattern, snapshot);
                self.run(&self.current(), selection, &topic, event)
            })
        })
    }

    /// Calls the listeners of a topic. A cached topic is known to be valid.
    fn run_resolved(
        &self,
        generation: &Generation,
        lookup: Lookup<'_>,
        topic: &str,
        event: &dyn Event,
        pass: Pass<'_>,
    ) -> Result<Report, SyncError> {
        if let Lookup::Cached(cached) = lookup {
            if cached.plain && !cached.is_timed && generation.has_observed_path() {
                return self.run_observed(generation, cached, topic, event);
            }
        }
        let snapshot = &generation.snapshot;
        let checked = check_topic(snapshot, lookup, topic, pass);
        let selection = Selection::Resolved(snapshot, lookup);
        self.run_checked(generation, event, checked, selection, topic)
    }

    fn run_checked(
        &self,
        generation: &Generation,
        event: &dyn Event,
        checked: Result<(), NotAdmitted>,
        selection: Selection<'_>,
        topic: &str,
    ) -> Result<Report, SyncError> {
        match checked {
            Ok(()) if generation.is_open() => {
                self.run(&generation.current, selection, topic, event)
            }
            Ok(()) => Err(SyncError::NotAdmitted(NotAdmitted::Closed)),
            Err(rejected) => Err(SyncError::NotAdmitted(rejected)),
        }
    }

    /// Notifies observers why an emission has not started. Outside the generation, because an observer may close the emitter.
    #[cold]
    pub(super) fn report_rejected(
        &self,
        error: SyncError,
        topic: &str,
        event: &dyn Event,
    ) -> EmitError {
        match error {
            SyncError::NotAdmitted(rejected) => self
                .notify_rejected(rejected, topic)
                .with(topic, event.payload()),
            SyncError::Rejected(error) => *error,
        }
    }

    /// Counts an emission that starts, or notifies observers why it does not.
    pub(super) fn admit(&self, topic: &str) -> Result<(), NotAdmitted> {
        self.admit_with(topic, None)
    }

    /// As [`admit`](Self::admit), for an emission that may pass for topics of this pattern.
    pub(super) fn admit_with(&self, topic: &str, pass: Pass<'_>) -> Result<(), NotAdmitted> {
        match validate_topic(topic) {
            Ok(()) if self.shared.try_start() || self.start_while_draining() => {
                match self.registry().has_reserved() {
                    false => Ok(()),
                    true => self.check_reserved(topic, pass),
                }
            }
            Ok(()) => Err(self.notify_rejected(NotAdmitted::Closed, topic)),
            Err(source) => Err(self.notify_rejected(NotAdmitted::InvalidTopic(source), topic)),
        }
    }

    #[cold]
    pub(super) fn notify_rejected(&self, rejected: NotAdmitted, topic: &str) -> NotAdmitted {
        self.with_current(|current| rejected.notify(topic, &current.settings.handlers));
        rejected
    }
}

/// An emission whose payload is not part of its allocation, so that handles to the payload do not keep the emission alive.
#[cold]
#[inline(never)]
fn payload_apart(
    settings: &Arc<EmissionSettings>,
    topic: &str,
    payload: Payload,
) -> Arc<dyn InFlight> {
    let source = PayloadEvent::new(payload);
    Arc::new(EmissionTask::new(Arc::clone(settings), topic, source))
}

/// The last emission removes the listeners as it ends: payloads that are kept for long hold the shared part of the emitter, and must not
/// hold listeners. Until then the pools stay: the emissions may have listeners to call there, or retries.
impl Drop for Emitter {
    fn drop(&mut self) {
        let left = self.shared.tracker.len();
        if left > 0 {
            self.shared.keep_pools(self.current().handles());
        }
        // A close that was given up has said what was left.
        if self.shared.tracker.close() && left > 0 {
            self.current().settings.handlers.unhandled.print_left(left);
        }
        self.shared.stop_waiting();
        self.shared.clear_if_late();
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("registry", self.registry())
            .field("closed", &self.is_closed())
            .field("settings", &self.current().settings)
            .finish()
    }
}
