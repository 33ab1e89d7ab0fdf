//! The state of an emission between `emit` and its end, whatever it carries.

mod settle;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use once_cell::race::OnceBox;
use once_cell::sync::OnceCell;
use smallvec::SmallVec;
use soiree_core::panic::Contained;
use soiree_core::sync::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, thread,
};
use soiree_core::{EventId, Interest, Job, Task};

use super::cut_off::{CutOffCause, CutOffEmission};
use super::event_source::Attributes;
use super::extras::Extras;
use super::helping::PendingWork;
use super::ordered::KeySlot;
use super::places::Places;
use super::pool_ref::PoolRef;
use super::report::{Errors, ReadErrors};
use super::shared::EmissionSettings;
use super::turns::TurnPlaces;
use crate::topic_text::TopicText;
use crate::trace::EmissionSpan;

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
/// It is done and no longer counted, so that a close does not wait for it any more.
const SETTLED: u8 = 3;
const STAGE: u8 = 3;
/// Somebody waits and wants to be notified of the end.
const WAITED_FOR: u8 = 4;
/// Its handle was dropped: nobody will ask for its report.
const ABANDONED: u8 = 8;

/// The state of an emission. Small, because it travels from one processor to another and back.
pub(crate) struct EmissionState {
    pub(crate) settings: Arc<EmissionSettings>,
    topic: TopicText,
    /// Of an event that consists of a payload.
    pub(super) attributes: Attributes,
    pub(super) cold: OnceBox<Cold>,
    pub(super) delivered: AtomicU32,
    /// Parts that have not ended. The listeners that are called one after another are one part.
    pub(super) parts: AtomicU32,
    stage: AtomicU8,
    /// Its outcome is known.
    done: AtomicBool,
    pub(super) aborted: AtomicBool,
    pub(super) discarded: AtomicBool,
    /// Its pool rejected it, so observers are not notified of its end.
    pub(super) rejected: AtomicBool,
    /// It has been rerouted to another pool.
    moved: AtomicBool,
    pub(super) origin: Origin,
    /// Its event is not just a payload.
    pub(super) is_custom: bool,
    pub(crate) span: EmissionSpan,
}

/// What an emission was made by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Emit,
    /// Its listeners are called on the emitting thread.
    EmitSync,
    /// A delivery to one listener.
    Address,
}

/// State that few emissions need: those that fail, are waited for, are ordered or rerouted, or have listeners on other pools.
#[derive(Default)]
pub(super) struct Cold {
    pub(super) failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) not_called: AtomicU64,
    pub(super) retried: AtomicU64,
    /// A close has given up a retry of it.
    given_up: AtomicBool,
    shared: Mutex<Shared>,
    pub(super) changed: Condvar,
    pub(super) extras: OnceLock<Mutex<Extras>>,
    /// Costs nothing to make with a value, other than a `OnceLock`.
    pub(super) slot: OnceCell<KeySlot>,
    pub(super) turn_places: OnceLock<Mutex<TurnPlaces>>,
    /// The pool that it was rerouted to.
    moved_to: Mutex<Option<Arc<PoolRef>>>,
}

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) errors: Errors,
    pub(super) read: ReadErrors,
    pub(crate) waker: Option<Contained<Waker>>,
    /// Work that has not ended and that a waiting thread may help with.
    pub(super) pending: SmallVec<[Arc<dyn PendingWork>; 1]>,
    /// How often there has been something new to help with.
    pub(super) version: usize,
    /// Places for listeners that are still to be submitted to their pools.
    pub(super) places: Option<Box<Places>>,
}

impl EmissionState {
    #[inline]
    pub(crate) fn new(settings: Arc<EmissionSettings>, topic: &str) -> Self {
        Self {
            settings,
            topic: TopicText::new(topic),
            attributes: Attributes::default(),
            cold: OnceBox::new(),
            delivered: AtomicU32::new(0),
            parts: AtomicU32::new(1),
            stage: AtomicU8::new(QUEUED),
            done: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            discarded: AtomicBool::new(false),
            rejected: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            origin: Origin::Emit,
            is_custom: false,
            span: EmissionSpan::default(),
        }
    }

    /// An emission that runs already, on the thread that makes it.
    pub(super) fn running(
        settings: Arc<EmissionSettings>,
        topic: &str,
        span: EmissionSpan,
    ) -> Self {
        let mut state = Self::new(settings, topic);
        state.origin = Origin::EmitSync;
        state.is_custom = true;
        state.span = span;
        state.stage = AtomicU8::new(RUNNING);
        state
    }

    /// An emission that is about to be delivered to one listener.
    pub(super) fn addressed(settings: Arc<EmissionSettings>, topic: &str) -> Self {
        let mut state = Self::running(settings, topic, EmissionSpan::default());
        state.origin = Origin::Address;
        state
    }

    pub(super) fn cold(&self) -> &Cold {
        self.cold.get_or_init(Box::default)
    }

    #[inline]
    pub(super) fn cold_if_used(&self) -> Option<&Cold> {
        self.cold.get()
    }

    pub(crate) fn topic(&self) -> &str {
        self.topic.as_str()
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.stage.load(Ordering::Acquire) & STAGE == QUEUED
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Whether there is a report.
    pub(super) fn has_ended(&self) -> bool {
        while self.is_done() && !self.is_settled() {
            if self.settings.shared.has_stopped_waiting() {
                // The last emission drops listeners first, and no close waits for it.
                return false;
            }
            // A close may have returned: the emission is counted as ended, and settles within a few instructions.
            thread::yield_now();
        }
        self.is_settled()
    }

    /// The task that awaits it does so no longer.
    pub(super) fn take_waker(&self) -> Option<Contained<Waker>> {
        self.shared_if_used()?.waker.take()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.stage.load(Ordering::Acquire) & STAGE == SETTLED
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        let shared = self.cold().shared.lock();
        shared.unwrap_or_else(PoisonError::into_inner)
    }

    /// The shared part, if there can be anything in it.
    pub(super) fn shared_if_used(&self) -> Option<MutexGuard<'_, Shared>> {
        self.cold.get().map(|_| self.shared())
    }

    /// The pool that runs it.
    pub(crate) fn pool_ref(&self) -> Arc<PoolRef> {
        self.moved_to()
            .unwrap_or_else(|| Arc::clone(&self.settings.pool))
    }

    /// The pool that it was rerouted to, if it was.
    #[inline]
    pub(super) fn moved_to(&self) -> Option<Arc<PoolRef>> {
        self.moved
            .load(Ordering::Acquire)
            .then(|| self.moved_pool())?
    }

    #[cold]
    fn moved_pool(&self) -> Option<Arc<PoolRef>> {
        let moved_to = self.cold().moved_to.lock();
        moved_to.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is rerouted to this pool.
    pub(crate) fn move_to(&self, pool_ref: &Arc<PoolRef>) {
        let moved_to = self.cold().moved_to.lock();
        let mut moved_to = moved_to.unwrap_or_else(PoisonError::into_inner);
        let former = moved_to.replace(Arc::clone(pool_ref));
        drop(moved_to);
        // Not under the lock: it may hold the last handle of a pool's worker check, which is user code.
        drop(former);
        self.moved.store(true, Ordering::Release);
    }

    /// A job of it for its pool.
    #[inline]
    pub(crate) fn job(&self, task: Arc<dyn Task>) -> Job {
        if !self.settings.handlers.observers.want(Interest::JOBS) {
            return Job::from_task(task);
        }
        self.observed_job(task)
    }

    #[cold]
    fn observed_job(&self, task: Arc<dyn Task>) -> Job {
        match self.moved_to() {
            Some(moved) => self.settings.job(task, &moved),
            None => self.settings.job(task, &self.settings.pool),
        }
    }

    /// Waits for an error, for something to help with, or for the end, unless it has ended.
    pub(crate) fn wait_for_change<'a>(
        &self,
        shared: MutexGuard<'a, Shared>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, Shared> {
        if self.request_notification() {
            return shared;
        }
        let changed = &self.cold().changed;
        match timeout {
            None => changed.wait(shared).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                changed
                    .wait_timeout(shared, timeout)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    /// Asks for a notification at the end. To be called with the shared part locked. Returns whether it has settled already.
    pub(crate) fn request_notification(&self) -> bool {
        self.stage.fetch_or(WAITED_FOR, Ordering::AcqRel) & STAGE == SETTLED
    }

    /// A close gives up a retry of it.
    pub(super) fn set_given_up(&self) {
        self.cold().given_up.store(true, Ordering::Relaxed);
    }

    /// What became of it, for a close that did not wait for it.
    #[cold]
    fn cut_off(&self, id: Option<EventId>) -> CutOffEmission {
        let cold = self.cold_if_used();
        let cause = if self.discarded.load(Ordering::Relaxed) {
            CutOffCause::Discarded
        } else if cold.is_some_and(|cold| cold.given_up.load(Ordering::Relaxed)) {
            CutOffCause::RetryGivenUp
        } else {
            CutOffCause::Ended
        };
        let topic = self.topic().into();
        CutOffEmission { topic, id, cause }
    }

    /// The call of a listener was lost in its pool. If there was none but this, so was the emission.
    pub(super) fn call_lost(&self) {
        if self.origin == Origin::Address {
            self.discarded.store(true, Ordering::Relaxed);
        }
    }

    /// Its pool rejected it: observers are not notified of the end that follows.
    pub(crate) fn set_rejected(&self) {
        self.rejected.store(true, Ordering::Relaxed);
    }

    /// Claims a queued emission. Returns whether the caller is the one who runs or discards it.
    pub(crate) fn claim(&self) -> bool {
        // All other stages have this bit, so it changes nothing in them.
        self.stage.fetch_or(RUNNING, Ordering::AcqRel) & RUNNING == 0
    }

    /// Gives a claim back: others may run it.
    pub(crate) fn unclaim(&self) {
        self.stage.fetch_and(!STAGE, Ordering::AcqRel);
        self.notify_pending();
    }

    /// As [`unclaim`](Self::unclaim), before it is accepted: nobody has a handle to wait for it with.
    pub(crate) fn unclaim_before_accepted(&self) {
        self.stage.fetch_and(!STAGE, Ordering::AcqRel);
        if let Some(slot) = self.slot() {
            slot.notify_watchers();
        }
    }

    /// One more listener is to be called on another pool.
    pub(super) fn add_call(&self) {
        if let Some(slot) = self.slot() {
            slot.add_call();
        }
    }

    /// One call was made: of a listener on another pool, or of all those that are called one after another.
    pub(super) fn call_made(&self) {
        if let Some(slot) = self.slot() {
            slot.call_made();
        }
    }

    /// Counts errors that were omitted before.
    pub(crate) fn omit_errors(&self, errors: u64) {
        self.shared().errors.omitted += errors;
    }

    /// Whether its handle was dropped before it has settled.
    pub(super) fn is_abandoned(&self) -> bool {
        self.stage.load(Ordering::Acquire) & ABANDONED != 0
    }

    /// Its handle was dropped. Returns whether it has settled already.
    pub(super) fn set_abandoned(&self) -> bool {
        self.is_settled() || self.stage.fetch_or(ABANDONED, Ordering::AcqRel) & STAGE == SETTLED
    }
}
