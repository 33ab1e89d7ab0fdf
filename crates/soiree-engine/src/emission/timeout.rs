//! Timeouts: what happens when a listener has not returned in its time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use soiree_core::panic::contained;
use soiree_core::registry::{Registration, RemainingListeners};
use soiree_core::sync::{AtomicU8, Mutex, MutexGuard};
use soiree_core::{Job, ListenerEnd, SubmitErrorReason};

use super::accepted::AcceptedWork;
use super::finish::{end_called_part, end_part, end_sequence};
use super::helping::PendingWork;
use super::in_flight::{InFlight, with_event};
use super::overrun::OverrunCall;
use super::pool_ref::PoolRef;
use super::requeue::{next_pool, requeue};
use super::retry_attempt::report_and_follow;
use super::timer::inside_timer;
use crate::dispatch::{Counts, Progress, handle_error};
use crate::invocation::{AfterTimeout, ArmedTimeout, Call, CallOutcome, TimeLimit};

/// The listener runs.
const CALLED: u8 = 0;
/// It has returned in time.
const RETURNED: u8 = 1;
/// It has timed out, and the timer thread reports that.
const EXPIRED: u8 = 2;
/// The listeners after it wait for a worker: another one, or this one if the listener returns.
const WAITING: u8 = 3;
/// The listeners after it are being called, or there are none.
const STARTED: u8 = 4;

/// One call with a time limit, and the listeners after it.
pub(super) struct CallTimeout {
    pub(super) emission: Arc<dyn InFlight>,
    registration: Arc<Registration>,
    limit: Duration,
    attempt: u32,
    is_last_run: bool,
    before: Counts,
    pub(super) remaining: Option<RemainingListeners>,
    /// The part of the emission that the call is, unless it is one of the listeners that are called one after another.
    part: Option<Arc<dyn PendingWork>>,
    /// The pool that the remaining listeners go to, if it is another one than that of the emission.
    moved_to: Mutex<Option<Arc<PoolRef>>>,
    stage: AtomicU8,
    /// For retries, which must not overlap the call.
    overrun: Option<Arc<OverrunCall>>,
}

/// Limits the time of a call that is about to start.
pub(super) fn arm<'a>(
    emission: &'a Arc<dyn InFlight>,
    call: &Call<'_>,
    progress: Progress<'_>,
    limit: Duration,
    part: Option<&Arc<dyn PendingWork>>,
) -> TimeLimit<'a> {
    let Some(timer) = &emission.state().settings.bare_timer else {
        return TimeLimit::measured(limit, None);
    };
    // The listener may return when the emission has ended.
    emission.state().attributes.keep();
    let remaining = |snapshot| RemainingListeners::after(snapshot, call.registration);
    let timeout = Arc::new(CallTimeout {
        emission: Arc::clone(emission),
        registration: Arc::clone(call.registration),
        limit,
        attempt: call.attempt,
        is_last_run: progress.is_last_run,
        before: progress.before,
        remaining: progress.snapshot.map(remaining),
        part: part.cloned(),
        moved_to: Mutex::default(),
        stage: AtomicU8::new(CALLED),
        overrun: call.registration.retry().is_some().then(Arc::default),
    });
    let expiring = Expiring(Some(Arc::clone(&timeout)));
    let due = timer.after(limit);
    match timer.at(due, Box::new(move || expiring.run())) {
        Ok(id) => TimeLimit::armed(limit, timeout, timer, id),
        Err(_) => TimeLimit::measured(limit, Some(timer)),
    }
}

/// What the timer calls. Apart from the tasks of [`EmitterTimer`](super::timer::EmitterTimer), to save an allocation.
struct Expiring(Option<Arc<CallTimeout>>);

impl Expiring {
    fn run(mut self) {
        if let Some(timeout) = self.0.take() {
            inside_timer(timeout.emitter(), || timeout.on_expired());
        }
    }
}

/// It was cancelled, or its timer has ended.
impl Drop for Expiring {
    fn drop(&mut self) {
        if let Some(timeout) = self.0.take().and_then(Arc::into_inner) {
            inside_timer(timeout.emitter(), || drop(timeout));
        }
    }
}

impl CallTimeout {
    /// Stands for the emitter in a [`Frame`](crate::context::Frame).
    fn emitter(&self) -> usize {
        Arc::as_ptr(&self.emission.state().settings.shared).addr()
    }

    fn advance(&self, from: u8, to: u8) -> bool {
        let stage = &self.stage;
        stage
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Claims the remaining listeners. Returns whether the caller is the one who calls them.
    pub(super) fn claim(&self) -> bool {
        self.advance(WAITING, STARTED)
    }

    fn lock_moved_to(&self) -> MutexGuard<'_, Option<Arc<PoolRef>>> {
        self.moved_to.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.stage.load(Ordering::Acquire) == WAITING
    }

    /// On the timer thread.
    fn on_expired(self: Arc<Self>) {
        if !self.advance(CALLED, EXPIRED) {
            return;
        }
        let state = self.emission.state();
        let _entered = state.enter_on_timer();
        if self.is_last_run {
            let registry = &state.settings.shared.registry;
            registry.remove_exhausted(&self.registration);
        }
        let counts = self.report_timeout();
        let remaining = self.remaining.as_ref().filter(|_| !counts.aborted);
        if remaining.is_none_or(|remaining| remaining.is_empty(state.topic())) {
            self.stage.store(STARTED, Ordering::Release);
            self.end(counts);
            return;
        }
        state.add_counts(counts);
        state.add_pending(Arc::clone(&self) as _);
        self.stage.store(WAITING, Ordering::SeqCst);
        state.notify_pending();
        requeue(self.emission.state(), Arc::clone(&self) as _);
    }

    fn report_timeout(&self) -> Counts {
        let state = self.emission.state();
        let mut counts = self.before;
        contained(|| {
            with_event(&self.emission, |event| {
                let handlers = &state.settings.handlers;
                let registration = &self.registration;
                let call = Call::new(registration, state.topic(), event, self.attempt, handlers);
                call.set_started_ago(self.limit);
                let outcome = CallOutcome::TimedOut(self.limit, None);
                let after = self.overrun.as_ref();
                report_and_follow(&self.emission, &call, outcome, after, &mut counts);
                contained(|| counts.aborted |= event.is_aborted());
            });
        });
        counts
    }

    /// No pool accepts the remaining listeners: they are not called.
    pub(super) fn give_up(self: &Arc<Self>) {
        if self.claim() {
            self.fail();
        }
    }

    fn fail(self: &Arc<Self>) {
        let state = self.emission.state();
        let handlers = &state.settings.handlers;
        let topic = state.topic();
        let _entered = state.enter_on(self.pool_ref().address());
        let mut counts = Counts::default();
        contained(|| {
            with_event(&self.emission, |event| {
                contained(|| counts.aborted = event.is_aborted());
                let Some(remaining) = self.remaining.as_ref().filter(|_| !counts.aborted) else {
                    return;
                };
                remaining.for_each(topic, |registration| {
                    counts.not_called += 1;
                    let error = registration.discarded(topic);
                    let call = Call::new(registration, topic, event, 1, handlers);
                    call.ended(ListenerEnd::Discarded(&error));
                    if let Some(error) = handle_error(event, handlers, error) {
                        state.keep_error(error);
                    }
                });
            });
        });
        state.remove_pending(self);
        state.release_turns();
        end_sequence(&self.emission, counts);
    }

    fn end(&self, counts: Counts) {
        match &self.part {
            Some(part) => self.emission.state().remove_pending(part),
            None => self.emission.state().release_turns(),
        }
        if self.part.is_none() {
            end_sequence(&self.emission, counts);
        } else if self.attempt == 1 {
            end_called_part(&self.emission, counts);
        } else {
            end_part(&self.emission, counts);
        }
    }
}

impl AcceptedWork for CallTimeout {
    fn pool_ref(&self) -> Arc<PoolRef> {
        let moved_to = self.lock_moved_to().clone();
        moved_to.unwrap_or_else(|| self.emission.state().pool_ref())
    }

    fn next_pool(&self, from: &Arc<PoolRef>) -> Option<Arc<PoolRef>> {
        next_pool(self.emission.state(), None, from)
    }

    fn move_to(&self, pool_ref: &Arc<PoolRef>) {
        let former = self.lock_moved_to().replace(Arc::clone(pool_ref));
        // Not under the lock: it may hold the last handle of a pool's worker check, which is user code.
        drop(former);
    }

    fn job(self: Arc<Self>) -> Job {
        let pool_ref = self.pool_ref();
        let state = self.emission.state();
        state.settings.job(Arc::clone(&self) as _, &pool_ref)
    }

    fn claim(&self) -> bool {
        CallTimeout::claim(self)
    }

    fn unclaim(&self) {
        self.stage.store(WAITING, Ordering::SeqCst);
        self.emission.state().notify_pending();
    }

    fn reject(self: Arc<Self>, _: SubmitErrorReason) {
        self.fail();
    }
}

impl ArmedTimeout for CallTimeout {
    fn returned_in_time(&self) -> bool {
        self.advance(CALLED, RETURNED)
    }

    fn returned_late(self: Arc<Self>) -> AfterTimeout {
        if let Some(overrun) = &self.overrun {
            overrun.returned();
        }
        if !self.claim() {
            return AfterTimeout::AnotherThread;
        }
        self.emission.state().remove_pending(&self);
        AfterTimeout::ThisThread
    }
}
