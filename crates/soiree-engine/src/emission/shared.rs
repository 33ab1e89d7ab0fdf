//! What emissions have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use soiree_core::observe::NotifyContext;
use soiree_core::registry::Registration;
use soiree_core::{Job, Pattern, Registry, Task, Timer};

use super::destination::Destinations;
use super::ordered::BlockedHeads;
use super::pool_ref::PoolRef;
use crate::context::{EnteredFrame, Frame, enter_frame};
use crate::settings::Handlers;
use crate::task_tracker::TaskTracker;

/// What all emissions of one emitter share.
pub(crate) struct EmitterShared {
    pub(crate) registry: Registry,
    /// Counts the emissions that have not ended.
    pub(crate) tracker: TaskTracker,
    /// A close stopped waiting: the last emission removes the listeners instead.
    pub(crate) clear_late: AtomicBool,
    /// Retries that wait.
    pub(crate) retries: AtomicUsize,
    pub(crate) blocked: Arc<BlockedHeads>,
    pub(crate) destinations: Destinations,
}

impl EmitterShared {
    pub(crate) fn new() -> Self {
        Self {
            registry: Registry::new(),
            tracker: TaskTracker::new(),
            clear_late: AtomicBool::new(false),
            retries: AtomicUsize::new(0),
            blocked: Arc::default(),
            destinations: Destinations::default(),
        }
    }

    /// Counts an emission that has ended.
    pub(crate) fn emission_ended(&self) {
        self.tracker.end();
        self.clear_if_late();
    }

    pub(crate) fn clear_if_late(&self) {
        if self.clear_late.load(Ordering::SeqCst) && self.tracker.is_empty() {
            self.registry.close();
        }
    }

    /// Counts one more retry that waits, if there may be one more.
    pub(super) fn reserve_retry(&self, capacity: usize) -> bool {
        let free = |waiting| (waiting < capacity).then(|| waiting + 1);
        self.retries
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, free)
            .is_ok()
    }

    pub(super) fn release_retry(&self) {
        self.retries.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The settings that an emission started with.
pub(crate) struct EmissionSettings {
    pub(crate) shared: Arc<EmitterShared>,
    pub(crate) handlers: Handlers,
    pub(crate) error_buffer: usize,
    /// The pool that the emission is routed to.
    pub(crate) pool: Arc<PoolRef>,
    pub(crate) timer: Option<Arc<dyn Timer>>,
    pub(crate) retry_capacity: usize,
    /// Every pool by name, for listeners that have a pool of their own.
    pub(crate) pools: Arc<BTreeMap<Arc<str>, Arc<PoolRef>>>,
    /// Which topics are routed to which of them, the most specific pattern first.
    pub(crate) routes: Arc<[(Pattern, Arc<str>)]>,
}

/// Observers of jobs are notified inside the emitter: a close in there would wait for itself.
struct EmitterContext(usize);

impl NotifyContext for EmitterContext {
    type Guard = EnteredFrame;

    fn enter(&self) -> EnteredFrame {
        enter_frame(Frame::of(self.0))
    }
}

impl EmissionSettings {
    /// The pool that a listener has of its own, if there is such a pool.
    pub(super) fn own_pool(&self, registration: &Registration) -> Option<&Arc<PoolRef>> {
        self.pools.get(registration.pool()?)
    }

    /// Whether the calling thread works for a pool of the emitter other than the one with this address.
    pub(crate) fn is_on_another_pool(&self, pool: usize) -> bool {
        let mut others = self.pools.values().filter(|other| other.address() != pool);
        others.any(|other| other.is_here())
    }

    /// Whether the calling thread works for any pool of the emitter.
    pub(crate) fn is_on_a_pool(&self) -> bool {
        self.pools.values().any(|pool| pool.is_here())
    }

    /// A job that is about to be submitted to this pool. Observers are notified of it.
    #[inline]
    pub(crate) fn job(&self, task: Arc<dyn Task>, pool: &PoolRef) -> Job {
        self.observe(Job::from_task(task), pool)
    }

    #[inline]
    pub(super) fn observe(&self, job: Job, pool: &PoolRef) -> Job {
        let observers = &self.handlers.observers;
        let emitter = || EmitterContext(Arc::as_ptr(&self.shared).addr());
        observers.offer(job, &pool.name, emitter)
    }
}
