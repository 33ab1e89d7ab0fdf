//! What emissions have in common.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use soiree_core::observe::NotifyContext;
use soiree_core::panic::{Contained, contained};
use soiree_core::registry::Registration;
use soiree_core::sync::{AtomicBool, Mutex};
use soiree_core::{Job, PoolHandle, Registry, Task, Timer};

use super::backlog::Backlog;
use super::cut_off::{CutOff, CutOffEmission};
use super::pool_ref::PoolRef;
use super::pools::{CurrentPools, Pools};
use super::retries::WaitingRetries;
use super::turns::TurnQueues;
use super::waiting_calls::WaitingCalls;
use super::waiting_emits::WaitingEmits;
use crate::context::{EnteredFrame, Frame, enter_frame};
use crate::settings::Handlers;
use crate::task_tracker::TaskTracker;

/// What all emissions of one emitter share.
pub(crate) struct EmitterShared {
    pub(crate) registry: Registry,
    /// The listeners that are called by address, and by no emission on a topic.
    pub(crate) addressed: Registry,
    /// Counts the emissions that have not ended.
    pub(crate) tracker: TaskTracker,
    /// A close stopped waiting, or the emitter is gone: the last emission removes the listeners instead.
    clear_late: AtomicBool,
    pub(crate) cut_off: CutOff,
    kept_pools: Mutex<Vec<PoolHandle>>,
    pub(crate) retries: WaitingRetries,
    pub(crate) waiting_calls: WaitingCalls,
    pub(crate) waiting_emits: Arc<WaitingEmits>,
    pub(crate) turns: Arc<TurnQueues>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) pools: CurrentPools,
}

impl EmitterShared {
    pub(crate) fn new(pools: Arc<Pools>) -> Self {
        Self {
            registry: Registry::new(),
            addressed: Registry::new(),
            tracker: TaskTracker::new(),
            clear_late: AtomicBool::new(false),
            cut_off: CutOff::default(),
            kept_pools: Mutex::default(),
            retries: WaitingRetries::default(),
            waiting_calls: WaitingCalls::default(),
            waiting_emits: Arc::default(),
            turns: Arc::new(TurnQueues::new()),
            backlog: Arc::default(),
            pools: CurrentPools::new(pools),
        }
    }

    /// Counts an emission that starts. Returns `false` if the emitter is closed.
    #[inline]
    pub(crate) fn try_start(&self) -> bool {
        let starts = self.tracker.try_start();
        if !starts {
            // It counted as started for a moment. An emission that ended just then has not taken itself for the last one.
            self.clear_if_late();
        }
        starts
    }

    /// Counts an emission that has ended. Calls `describe` only if a close did not wait for it.
    #[inline]
    pub(super) fn emission_ended(&self, describe: impl FnOnce() -> CutOffEmission) {
        if self.clear_late.load(Ordering::Acquire) {
            self.cut_off
                .emission_ended(describe(), || self.tracker.end());
        } else {
            self.tracker.end();
        }
        self.clear_if_late();
    }

    /// Counts the end of a task that stands for emissions on emitting threads.
    pub(crate) fn task_ended(&self) {
        self.tracker.end();
        self.clear_if_late();
    }

    /// Nobody waits for the emissions that have not ended: the last one removes the listeners.
    pub(crate) fn stop_waiting(&self) {
        self.clear_late.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_stopped_waiting(&self) -> bool {
        self.clear_late.load(Ordering::SeqCst)
    }

    /// Keeps pools until the last emission has ended: it may need them, when the emitter is gone.
    pub(crate) fn keep_pools(&self, pools: Vec<PoolHandle>) {
        *self
            .kept_pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = pools;
    }

    #[inline]
    pub(crate) fn clear_if_late(&self) {
        if self.clear_late.load(Ordering::SeqCst) {
            self.clear_if_empty();
        }
    }

    /// Removes every listener, and rejects new ones from now on.
    pub(crate) fn remove_listeners(&self) {
        self.registry.close();
        self.addressed.close();
    }

    #[cold]
    fn clear_if_empty(&self) {
        if self.tracker.is_empty() {
            self.remove_listeners();
            let kept = self.kept_pools.lock();
            let kept = std::mem::take(&mut *kept.unwrap_or_else(PoisonError::into_inner));
            for pool in kept {
                contained(move || drop(pool));
            }
        }
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
    /// The same, without what runs its tasks inside a frame of the timer thread.
    pub(crate) bare_timer: Option<Contained<Arc<dyn Timer>>>,
    pub(crate) retry_capacity: usize,
    pub(crate) waiting_capacity: usize,
    /// The pools, for listeners that have a pool of their own.
    pub(crate) pools: Arc<Pools>,
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
    #[inline]
    pub(crate) fn is_on_another_pool(&self, pool: usize) -> bool {
        self.pools.is_on_one_but(pool)
    }

    /// Whether the calling thread works for any pool of the emitter.
    pub(crate) fn is_on_a_pool(&self) -> bool {
        /// No pool has this address.
        const NONE: usize = 0;
        self.pools.is_on_one_but(NONE)
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
