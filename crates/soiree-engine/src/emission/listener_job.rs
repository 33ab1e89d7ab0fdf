//! Listeners that run apart from the others of their emission: on a pool of their own, or after they waited for their turn.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::panic::{caught, contained};
use soiree_core::registry::Registration;
use soiree_core::sync::AtomicBool;
use soiree_core::{
    Event, Job, ListenerError, NotCalled, Pool, SubmitErrorReason, Task, WhenPoolFull,
};

use super::accepted::AcceptedWork;
use super::async_call::{inline_call, job_of};
use super::attempt::{Attempt, Target};
use super::finish::end_called_part;
use super::helping::{Before, InlineCall, PendingWork};
use super::in_flight::{InFlight, with_event};
use super::pool_ref::PoolRef;
use super::reclaim::{Reclaimed, reclaim_work};
use super::requeue::{next_pool, requeue_attempt};
use super::retry_attempt::{end_attempt, report_and_follow};
use super::state::EmissionState;
use super::timeout::arm;
use super::turns::{Turn, TurnWork};
use super::waiting_calls::{MaybeWaiting, WaitingCall};
use crate::context::on_timer;
use crate::dispatch::{Counts, EndedCall, Progress, report_not_called};
use crate::invocation::{Call, CallOutcome, invoke, precheck};

/// One listener of an emission, as a job of its own.
pub(crate) struct ListenerJob {
    pub(super) target: Target,
    started: AtomicBool,
    /// It waits for a place or for its turn, and has not started.
    pub(super) waiting: MaybeWaiting,
}

/// A pool, and how the emitter refers to it.
type OwnPool = (Arc<PoolRef>, Arc<dyn Pool>);

/// What is left to a caller that must call the listener itself: its turn, if its calls are limited.
pub(super) type CallHere = Option<Arc<Turn>>;

/// Submits a listener to its own pool. `turn` is its turn, if its calls are limited.
pub(super) fn delegate(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    counts: &mut Counts,
    turn: Option<Arc<Turn>>,
) -> Result<(), CallHere> {
    let state = emission.state();
    let is_async = registration.is_async();
    let place = state.take_place(registration);
    let mut reject = |reason| {
        counts.not_called += 1;
        let pool = registration.pool().map_or("", |pool| pool);
        let error = registration.rejected(state.topic(), pool, reason);
        not_called(emission, registration, error, event);
    };
    let pool = match suitable_pool(state, registration) {
        Ok(pool) => pool.filter(|(pool_ref, _)| is_async || !pool_ref.is_here()),
        Err(reason) => {
            reject(reason);
            return Ok(());
        }
    };
    let Some((pool_ref, pool)) = pool else {
        return Err(turn);
    };
    let place = place.filter(|place| place.is_in(&pool_ref));
    let blocks_workers = pool_ref.blocks_workers;
    let job = ListenerJob::add(emission, registration, pool_ref, turn, None);
    if let Some(turn) = job.target.turn() {
        // It has come. Threads that wait for a later one may have to help this call.
        turn.ready(Arc::clone(&job) as _);
    }
    let offered = job_of(&job);
    let submit = || match place {
        Some(place) => place.submit(offered),
        None if blocks_workers && !on_timer() => pool.submit(offered),
        None => pool.try_submit(offered),
    };
    // A pool that panics has dropped the job, which has reported that.
    let Ok(Err(rejected)) = caught(submit) else {
        if is_async {
            state.async_listener_submitted();
        }
        return Ok(());
    };
    let Reclaimed::Rejected(reason) = reclaim_work(rejected, || job.claim(), drop) else {
        return Ok(());
    };
    match reason {
        // The bulkhead was removed meanwhile: this thread calls the listener.
        SubmitErrorReason::Closed if !is_async => {
            let turn = job.target.end_turn();
            job.ended(Counts::default());
            return Err(turn);
        }
        reason => {
            let goes_on = match &reason {
                SubmitErrorReason::Closed => job.move_on(),
                SubmitErrorReason::Spawn(_) => true,
                SubmitErrorReason::Full { .. } => job.may_wait(),
                _ => false,
            };
            if goes_on {
                job.unclaim();
                requeue_attempt(state, registration, job);
            } else {
                reject(reason);
                job.ended(Counts::default());
            }
        }
    }
    Ok(())
}

/// The listener's own pool, if there is one and it suits the listener. An async listener needs one.
pub(super) fn suitable_pool(
    state: &EmissionState,
    registration: &Registration,
) -> Result<Option<OwnPool>, SubmitErrorReason> {
    let pool = own_pool(state, registration);
    if !registration.is_async() {
        return Ok(pool);
    }
    match &pool {
        None => Err(SubmitErrorReason::Closed),
        Some((_, pool)) if !pool.polls_futures() => Err(SubmitErrorReason::Other(
            "it polls no futures, and this is an async listener".into(),
        )),
        Some(_) => Ok(pool),
    }
}

/// The listener's own pool, as of the settings that the emission started with, or of those that apply now.
fn own_pool(state: &EmissionState, registration: &Registration) -> Option<OwnPool> {
    let alive = |pool_ref: &Arc<PoolRef>| Some((Arc::clone(pool_ref), pool_ref.upgrade()?));
    let settings = &state.settings;
    let own = settings.own_pool(registration).and_then(alive);
    own.or_else(|| alive(settings.shared.pools.now().get(registration.pool()?)?))
}

/// Reports a listener that is not called.
pub(super) fn not_called(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    error: ListenerError,
    event: &dyn Event,
) {
    let state = emission.state();
    let handlers = &state.settings.handlers;
    let call = Call::new(registration, state.topic(), event, 1, handlers);
    if let Some(error) = report_not_called(&call, handlers, error) {
        state.keep_error(error);
    }
}

impl ListenerJob {
    /// Adds a call to an emission, as a part of it.
    pub(super) fn add(
        emission: &Arc<dyn InFlight>,
        registration: &Arc<Registration>,
        pool_ref: Arc<PoolRef>,
        turn: Option<Arc<Turn>>,
        waiting: Option<WaitingCall>,
    ) -> Arc<Self> {
        let job = Arc::new(Self {
            target: Target::new(emission, registration, pool_ref, turn),
            started: AtomicBool::new(false),
            waiting: MaybeWaiting::new(waiting),
        });
        let state = emission.state();
        state.add_call();
        state.add_part(Arc::clone(&job) as _);
        job
    }

    /// It was claimed, and is not called.
    fn fail(self: &Arc<Self>, error: impl FnOnce(&Registration, &str) -> ListenerError) {
        self.waiting.end();
        let (state, registration) = (self.target.state(), &self.target.registration);
        let _entered = self.target.enter();
        let error = error(registration, state.topic());
        contained(|| {
            with_event(&self.target.emission, |event| {
                not_called(&self.target.emission, registration, error, event);
            });
        });
        self.ended(Counts::one_not_called());
    }

    pub(super) fn claim(&self) -> bool {
        !self.started.swap(true, Ordering::AcqRel)
    }

    pub(super) fn unclaim(&self) {
        self.started.store(false, Ordering::Release);
        self.target.state().notify_pending();
    }

    /// Its pool is full: whether it waits for a place.
    fn may_wait(&self) -> bool {
        // Without a place, the listener was subscribed after the emit.
        if self.target.registration.when_full() == WhenPoolFull::Reject {
            return false;
        }
        let settings = &self.target.state().settings;
        let waiting = settings
            .shared
            .waiting_calls
            .try_add(settings.waiting_capacity);
        let waits = waiting.is_some();
        self.waiting.set(waiting);
        waits
    }

    /// Its pool is closed: it goes to another one, if there is one for it now.
    pub(super) fn move_on(&self) -> bool {
        let next = self.next_pool(&self.target.pool_ref());
        next.inspect(|next| self.target.move_to(next)).is_some()
    }
}

impl AcceptedWork for ListenerJob {
    fn pool_ref(&self) -> Arc<PoolRef> {
        self.target.pool_ref()
    }

    fn next_pool(&self, from: &Arc<PoolRef>) -> Option<Arc<PoolRef>> {
        next_pool(self.target.state(), Some(&self.target.registration), from)
    }

    fn move_to(&self, pool_ref: &Arc<PoolRef>) {
        self.target.move_to(pool_ref);
    }

    fn job(self: Arc<Self>) -> Job {
        job_of(&self)
    }

    fn claim(&self) -> bool {
        ListenerJob::claim(self)
    }

    fn unclaim(&self) {
        ListenerJob::unclaim(self);
    }

    fn reject(self: Arc<Self>, reason: SubmitErrorReason) {
        self.lost(Some(reason));
    }
}

impl PendingWork for ListenerJob {
    fn is_runnable_here(&self) -> bool {
        !self.started.load(Ordering::Acquire) && !self.target.is_async() && self.target.is_here()
    }

    fn is_future_here(&self) -> bool {
        self.target.is_future_here()
    }

    fn needs_this_thread(&self) -> bool {
        self.target.needs_this_thread()
    }

    fn before(&self) -> Before {
        self.target.before()
    }

    fn run_here(self: Arc<Self>) {
        self.run_queued();
    }

    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>> {
        if self.is_future_here() {
            inline_call(self)
        } else {
            None
        }
    }
}

impl Attempt for ListenerJob {
    fn target(&self) -> &Target {
        &self.target
    }

    fn number(&self) -> u32 {
        1
    }

    fn claim_to_run(&self) -> bool {
        let is_claimed = self.claim();
        if is_claimed {
            self.waiting.end();
        }
        is_claimed
    }

    fn call(self: &Arc<Self>, event: &dyn Event, counts: &mut Counts) {
        let state = self.target.state();
        let settings = &state.settings;
        let registration = &self.target.registration;
        let last = Cell::new(false);
        let call = Call::new(registration, state.topic(), event, 1, &settings.handlers);
        let _turn = self.target.enter_turn();
        let outcome = CallOutcome::caught(|| {
            if let Some(outcome) = precheck(&call, &last) {
                return outcome;
            }
            let progress = Progress {
                snapshot: None,
                before: *counts,
                is_last_run: last.get(),
            };
            let part = Arc::clone(self) as Arc<dyn PendingWork>;
            let limit = registration
                .timeout()
                .map(|limit| arm(&self.target.emission, &call, progress, limit, Some(&part)));
            invoke(&call, event, limit)
        });
        report_and_follow(&self.target.emission, &call, outcome, None, counts);
        if last.get() {
            settings.shared.registry.remove_exhausted(registration);
        }
        contained(|| state.check_abort(event, registration, counts));
    }

    fn lost(self: &Arc<Self>, reason: Option<SubmitErrorReason>) {
        let pool_ref = self.target.pool_ref();
        self.target.state().call_lost();
        self.fail(|registration, topic| match reason {
            Some(reason) => registration.rejected(topic, &pool_ref.name, reason),
            None => registration.discarded(topic),
        });
    }

    fn ended(self: &Arc<Self>, counts: Counts) {
        drop(self.target.end_turn());
        self.target.state().remove_pending(self);
        end_called_part(&self.target.emission, counts);
    }

    fn end(self: &Arc<Self>, event: &dyn Event, ended: EndedCall) {
        end_attempt(self, event, ended);
    }
}

impl TurnWork for ListenerJob {
    fn submit(self: Arc<Self>) {
        if self.started.load(Ordering::Acquire) {
            // A thread that waits for it was faster.
            return;
        }
        let (state, registration) = (self.target.state(), &self.target.registration);
        requeue_attempt(state, registration, Arc::clone(&self) as _);
        // One of those that wait for it may have to run it.
        state.notify_pending();
    }

    fn end_unrun(self: Arc<Self>) {
        if self.claim() {
            self.fail(|registration, topic| registration.not_called(topic, NotCalled::GivenUp));
        }
    }

    fn notify(&self) {
        self.target.state().notify_pending();
    }

    fn into_pending(self: Arc<Self>) -> Arc<dyn PendingWork> {
        self
    }
}

impl Task for ListenerJob {
    fn run(self: Arc<Self>) {
        self.run_as_job();
    }

    fn discarded(self: Arc<Self>) {
        if self.claim() {
            self.lost(None);
        }
    }
}
