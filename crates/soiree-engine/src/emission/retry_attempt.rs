//! Retries: scheduling the next attempt of a listener that failed, and submitting it when it is due.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard};
use soiree_core::{
    Event, Job, LimitedBy, ListenerError, RetryScheduled, SubmitErrorReason, Timer, TimerId,
};

use super::accepted::AcceptedWork;
use super::async_call::job_of;
use super::attempt::{Attempt, Target};
use super::finish::end_part;
use super::in_flight::{InFlight, with_event};
use super::overrun::{NextAttempt, OverrunCall};
use super::pool_ref::PoolRef;
use super::requeue::{next_pool, requeue_attempt};
use super::retries::WaitingRetry;
use super::turns::{Admission, Turn};
use crate::dispatch::{Counts, EndedCall, FailedAttempt, FollowUp, report, report_dead_letter};
use crate::invocation::{Call, CallOutcome};

/// The next attempt of a listener that failed.
pub(super) struct RetryAttempt {
    pub(super) target: Target,
    pub(super) attempt: u32,
    /// The error of the attempt before.
    error: ListenerError,
    timed_out: bool,
    /// Attempts that were due, and did not happen because the one before had not returned in time.
    skipped: AtomicU32,
    timer: Arc<dyn Timer>,
    /// The attempt before, if it has timed out and may still run. Two attempts never overlap.
    after: Option<Arc<OverrunCall>>,
    /// What it counts with, if the calls of the listener are limited.
    limited_by: Option<LimitedBy>,
    /// Ends the wait until it is due, or the wait for the attempt before.
    timeout: Mutex<Option<TimerId>>,
    due: AtomicBool,
    started: AtomicBool,
}

/// Reports the outcome of a call, and does what follows.
pub(super) fn report_and_follow(
    emission: &Arc<dyn InFlight>,
    call: &Call<'_>,
    outcome: CallOutcome,
    after: Option<&Arc<OverrunCall>>,
    counts: &mut Counts,
) {
    let handlers = &emission.state().settings.handlers;
    let follow = report(call, handlers, outcome, counts);
    follow_up(
        emission,
        call.registration,
        call.event,
        follow,
        after,
        counts,
    );
}

/// Does what follows after a call that runs apart from the other listeners of its emission.
///
/// `after` is the call itself if it has timed out and may still run.
fn follow_up(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    follow_up: Option<FollowUp>,
    after: Option<&Arc<OverrunCall>>,
    counts: &mut Counts,
) {
    let Some(follow_up) = follow_up else {
        return;
    };
    let state = emission.state();
    let schedule =
        |failed: &FailedAttempt| schedule_retry(emission, registration, event, failed, after);
    let handlers = &state.settings.handlers;
    if let Some(kept) = follow_up.schedule_or_keep(event, handlers, counts, schedule) {
        contained(|| state.keep(registration, kept));
    }
}

/// Does what follows after the call of an attempt, and ends the attempt.
pub(super) fn end_attempt<A: Attempt>(attempt: &Arc<A>, event: &dyn Event, ended: EndedCall) {
    let mut counts = ended.counts;
    let Target {
        emission,
        registration,
        ..
    } = attempt.target();
    let follow = ended.follow_up;
    follow_up(emission, registration, event, follow, None, &mut counts);
    if counts.aborted && counts.delivered > 0 {
        contained(|| emission.state().note_abort(event, Some(registration)));
    }
    if ended.is_exhausted {
        let registry = &emission.state().settings.shared.registry;
        registry.remove_exhausted(registration);
    }
    attempt.ended(counts);
}

/// Schedules the next attempt of a listener. Returns `false` if it cannot be scheduled.
pub(super) fn schedule_retry(
    emission: &Arc<dyn InFlight>,
    registration: &Arc<Registration>,
    event: &dyn Event,
    failed: &FailedAttempt,
    after: Option<&Arc<OverrunCall>>,
) -> bool {
    let state = emission.state();
    let settings = &state.settings;
    let Some(timer) = settings
        .timer
        .clone()
        .filter(|_| !registration.is_removed())
    else {
        return false;
    };
    let kept_turn = state.kept_turn(registration);
    let limited_by = match kept_turn {
        Some(_) => None,
        None => Turn::limited_by(registration, event),
    };
    let pool_ref = settings.own_pool(registration).cloned();
    let pool_ref = pool_ref.unwrap_or_else(|| state.pool_ref());
    let retry = Arc::new(RetryAttempt {
        target: Target::new(emission, registration, pool_ref, kept_turn),
        attempt: failed.attempt + 1,
        error: failed.error.clone(),
        timed_out: failed.timed_out,
        skipped: AtomicU32::new(0),
        timer,
        after: after.cloned(),
        limited_by,
        timeout: Mutex::default(),
        due: AtomicBool::new(false),
        started: AtomicBool::new(false),
    });
    let retries = &settings.shared.retries;
    // First, because another thread may end it as soon as it waits.
    state.add_part(Arc::clone(&retry) as _);
    if !retries.add(Arc::clone(&retry) as _, settings.retry_capacity) {
        state.remove_pending(&retry);
        end_part(emission, Counts::default());
        return false;
    }
    let observers = &settings.handlers.observers;
    if !observers.is_empty() {
        let (topic, listener) = (state.topic(), registration.listener_ref());
        let FailedAttempt {
            attempt,
            error,
            delay,
            ..
        } = failed;
        let scheduled = RetryScheduled::new(topic, event, listener, *attempt, error, *delay);
        observers.notify(|observer| observer.retry_scheduled(&scheduled));
    }
    // A close may have given it up meanwhile, or it was unsubscribed, which has been reported.
    if retry.wait(failed.delay) || !retry.claim() {
        // If it was unsubscribed before it was listed, nobody has ended it.
        if registration.is_removed() {
            retry.end_unsubscribed();
        }
        return true;
    }
    retry.no_longer_waits();
    state.remove_pending(&retry);
    end_part(emission, Counts::default());
    false
}

impl RetryAttempt {
    pub(super) fn claim(&self) -> bool {
        !self.started.swap(true, Ordering::AcqRel)
    }

    /// It has started or was given up.
    pub(super) fn no_longer_waits(&self) {
        self.target.state().settings.shared.retries.remove(self);
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.load(Ordering::Acquire)
    }

    pub(super) fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Returns whether the timer accepts it.
    fn wait(self: &Arc<Self>, delay: Duration) -> bool {
        let retry = Arc::clone(self);
        let due = self.timer.after(delay);
        let id = self.timer.at(due, Box::new(move || retry.on_due()));
        let Ok(id) = id else {
            return false;
        };
        *self.timeout() = Some(id);
        // It may have been given up before the timer's ID was known.
        if self.has_started() {
            self.cancel_timeout();
        }
        true
    }

    /// The timer no longer holds it.
    fn cancel_timeout(&self) {
        let timeout = self.timeout().take();
        if let Some(id) = timeout {
            self.timer.cancel(id);
        }
    }

    /// On the timer thread.
    fn on_due(self: Arc<Self>) {
        let _entered = self.target.state().enter_on_timer();
        match &self.after {
            Some(before) if !before.has_returned() => self.wait_for(before),
            _ => self.due(),
        }
    }

    /// Proceeds when the attempt before has returned. If it does not return within the timeout, this attempt is skipped.
    fn wait_for(self: &Arc<Self>, before: &Arc<OverrunCall>) {
        let limit = self.target.registration.timeout().unwrap_or_default();
        let retry = Arc::clone(self);
        let due = self.timer.after(limit);
        match self.timer.at(due, Box::new(move || retry.skip())) {
            Ok(id) => {
                *self.timeout() = Some(id);
                before.then(Arc::clone(self) as _);
            }
            Err(_) => Arc::clone(self).give_up(),
        }
    }

    fn timeout(&self) -> MutexGuard<'_, Option<TimerId>> {
        self.timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt before has not returned within the time of this one, which is skipped.
    fn skip(self: Arc<Self>) {
        let waits = self.after.as_ref().is_some_and(|before| before.forget());
        if !waits {
            return;
        }
        let _entered = self.target.state().enter_on_timer();
        let skipped = self.attempt + self.skipped.fetch_add(1, Ordering::Relaxed);
        let retry = self.target.registration.retry();
        let delay = retry.and_then(|retry| retry.jittered_delay(skipped));
        if !delay.is_some_and(|delay| self.wait(delay)) {
            self.give_up();
        }
    }

    fn due(self: Arc<Self>) {
        if self.is_unsubscribed() {
            return self.end_unsubscribed();
        }
        if !self.due.swap(true, Ordering::AcqRel) {
            self.target.state().notify_pending();
        }
        match &self.limited_by {
            Some(by) => self.wait_for_turn(by),
            None => {
                if let Some(turn) = self.target.turn() {
                    // Kept since the attempt before. Threads that wait for a later call may have to help this one.
                    turn.ready(Arc::clone(&self) as _);
                }
                self.requeue();
            }
        }
    }

    pub(super) fn requeue(self: &Arc<Self>) {
        let target = &self.target;
        let work = Arc::clone(self) as Arc<dyn AcceptedWork>;
        requeue_attempt(target.state(), &target.registration, work);
    }

    fn wait_for_turn(self: &Arc<Self>, by: &LimitedBy) {
        let (target, turns) = (&self.target, &self.target.state().settings.shared.turns);
        let turn = Turn::take_by(turns, &target.registration, by.clone(), None);
        let Some(turn) = turn.filter(|turn| target.set_turn(Arc::clone(turn))) else {
            // It has ended meanwhile.
            return;
        };
        match turn.ready(Arc::clone(self) as _) {
            Admission::Later => target.state().notify_pending(),
            Admission::Now => self.requeue(),
            Admission::Closed => Arc::clone(self).give_up(),
        }
    }

    /// Reports the error of the attempt before as the last one. To be called when this attempt was claimed.
    pub(super) fn fail(self: &Arc<Self>) {
        let state = self.target.emission.state();
        let _entered = self.target.enter();
        contained(|| {
            with_event(&self.target.emission, |event| {
                let handlers = &state.settings.handlers;
                report_dead_letter(event, handlers, &self.error, self.attempt - 1);
            });
        });
        state.keep_error(self.error.clone());
        self.ended(Counts {
            timed_out: u64::from(self.timed_out),
            ..Counts::one_failed()
        });
    }
}

impl NextAttempt for RetryAttempt {
    fn proceed(self: Arc<Self>) {
        self.cancel_timeout();
        self.due();
    }
}

impl WaitingRetry for RetryAttempt {
    fn is_due(&self) -> bool {
        RetryAttempt::is_due(self)
    }

    fn give_up(self: Arc<Self>) {
        self.cancel_timeout();
        if self.claim_to_run() {
            self.target.state().set_given_up();
            self.fail();
        }
    }

    fn is_unsubscribed(&self) -> bool {
        self.target.registration.is_removed()
    }

    fn end_unsubscribed(self: Arc<Self>) {
        self.cancel_timeout();
        if self.claim_to_run() {
            self.fail();
        }
    }
}

impl AcceptedWork for RetryAttempt {
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
        RetryAttempt::claim(self)
    }

    fn unclaim(&self) {
        self.started.store(false, Ordering::Release);
        self.target.state().notify_pending();
    }

    fn reject(self: Arc<Self>, _: SubmitErrorReason) {
        self.no_longer_waits();
        self.fail();
    }
}
