//! Retries: scheduling the next attempt of a listener that failed, and submitting it when it is due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{Event, ListenerError, Pool, RetryScheduled, SubmitErrorReason, Timer, TimerId};

use super::async_call::job_of;
use super::attempt::{Attempt, Target};
use super::finish::end_part;
use super::in_flight::{InFlight, with_event};
use super::overrun::{NextAttempt, OverrunCall};
use super::pool_ref::PoolRef;
use super::reclaim::{Reclaimed, reclaim_work};
use crate::dispatch::{Counts, EndedCall, FailedAttempt, FollowUp, report, report_dead_letter};
use crate::invocation::{Call, CallOutcome};

/// How often to submit work again that is due while its pool is full.
pub(super) const RESUBMIT_INTERVAL: Duration = Duration::from_millis(5);

/// The next attempt of a listener that failed.
pub(super) struct RetryAttempt {
    pub(super) target: Target,
    pub(super) attempt: u32,
    /// The error of the attempt before.
    error: ListenerError,
    timer: Arc<dyn Timer>,
    /// Kept alive until the attempts have ended, also when the emitter is gone.
    pool: Arc<dyn Pool>,
    /// The attempt before, if it has timed out and may still run. Two attempts never overlap.
    after: Option<Arc<OverrunCall>>,
    /// Ends the wait for the attempt before.
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
    if let Some(error) = follow_up.schedule_or_keep(event, handlers, counts, schedule) {
        contained(|| state.keep_error(error));
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
    let alive = |pool_ref: Arc<PoolRef>| Some((pool_ref.upgrade()?, pool_ref));
    let own = settings.own_pool(registration).cloned();
    let pool = own.and_then(alive).or_else(|| {
        // A future can be polled nowhere else.
        (!registration.is_async()).then(|| alive(state.pool_ref()))?
    });
    let (Some((pool, pool_ref)), Some(timer)) = (pool, settings.timer.clone()) else {
        return false;
    };
    if !settings.shared.reserve_retry(settings.retry_capacity) {
        return false;
    }
    let retry = Arc::new(RetryAttempt {
        target: Target {
            emission: Arc::clone(emission),
            registration: Arc::clone(registration),
            pool_ref,
        },
        attempt: failed.attempt + 1,
        error: failed.error.clone(),
        timer,
        pool,
        after: after.cloned(),
        timeout: Mutex::default(),
        due: AtomicBool::new(false),
        started: AtomicBool::new(false),
    });
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
    state.add_part(Arc::clone(&retry) as _);
    if retry.wait(failed.delay) {
        return true;
    }
    settings.shared.release_retry();
    state.remove_pending(&retry);
    end_part(emission, Counts::default());
    false
}

impl RetryAttempt {
    pub(super) fn claim(&self) -> bool {
        !self.started.swap(true, Ordering::AcqRel)
    }

    pub(super) fn release_reservation(&self) {
        self.target.emission.state().settings.shared.release_retry();
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
        self.timer.at(due, Box::new(move || retry.on_due())).is_ok()
    }

    /// On the timer thread.
    fn on_due(self: Arc<Self>) {
        let _entered = self.target.emission.state().enter_on_timer();
        match &self.after {
            Some(before) if !before.has_returned() => self.wait_for(before),
            _ => self.submit(),
        }
    }

    /// Proceeds when the attempt before has returned. If it does not return within the timeout, this attempt times out too.
    fn wait_for(self: &Arc<Self>, before: &Arc<OverrunCall>) {
        let limit = self.target.registration.timeout().unwrap_or_default();
        let retry = Arc::clone(self);
        let due = self.timer.after(limit);
        match self.timer.at(due, Box::new(move || retry.time_out(limit))) {
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

    /// The attempt before has not returned within the time of this one.
    fn time_out(self: Arc<Self>, limit: Duration) {
        let waits = self.after.as_ref().is_some_and(|before| before.forget());
        if !waits || !self.claim() {
            return;
        }
        self.release_reservation();
        let state = self.target.emission.state();
        let _entered = state.enter_on_timer();
        let mut counts = Counts::default();
        contained(|| {
            with_event(&self.target.emission, |event| {
                let handlers = &state.settings.handlers;
                let registration = &self.target.registration;
                let (topic, attempt) = (state.topic(), self.attempt);
                let call = Call::new(registration, topic, event, attempt, handlers);
                let outcome = CallOutcome::TimedOut(limit, None);
                let after = self.after.as_ref();
                report_and_follow(&self.target.emission, &call, outcome, after, &mut counts);
            });
        });
        self.ended(counts);
    }

    fn submit(self: Arc<Self>) {
        let state = self.target.emission.state();
        if !self.due.swap(true, Ordering::AcqRel) {
            state.notify_pending();
        }
        let Err(rejected) = self.pool.try_submit(job_of(&self)) else {
            return;
        };
        let Reclaimed::Rejected(reason) = reclaim_work(rejected, || self.claim()) else {
            return;
        };
        if matches!(reason, SubmitErrorReason::Full { .. }) {
            self.started.store(false, Ordering::Release);
            state.notify_pending();
            if !self.wait(RESUBMIT_INTERVAL) {
                self.give_up();
            }
            return;
        }
        self.release_reservation();
        self.fail();
    }

    /// The attempt before was the last one.
    pub(super) fn give_up(self: Arc<Self>) {
        if self.claim_to_run() {
            self.fail();
        }
    }

    /// Reports the error of the attempt before as the last one. To be called when this attempt was claimed.
    pub(super) fn fail(self: &Arc<Self>) {
        let state = self.target.emission.state();
        let _entered = state.enter_on(&self.target.pool_ref);
        contained(|| {
            with_event(&self.target.emission, |event| {
                let handlers = &state.settings.handlers;
                report_dead_letter(event, handlers, &self.error, self.attempt - 1);
            });
        });
        state.keep_error(self.error.clone());
        self.ended(Counts::one_failed());
    }
}

impl NextAttempt for RetryAttempt {
    fn proceed(self: Arc<Self>) {
        let timeout = self.timeout().take();
        if let Some(id) = timeout {
            self.timer.cancel(id);
        }
        self.submit();
    }
}
