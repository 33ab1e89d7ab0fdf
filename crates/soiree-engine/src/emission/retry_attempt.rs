//! Listeners that failed and are called again.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cargo::Cargo;
use super::flight::Flight;
use super::future::{Adopted, Attempt};
use super::link::Link;
use super::part::{AnyPart, Inside, take_off};
use super::setup::Setup;
use super::stalled::give_place;
use super::watch::{Late, Next};
use crate::dispatch::{Failed, Tally, bury, dispatch_again, tell};
use crate::invocation::{Call, Step};
use soiree_core::observe::reclaim as take_back;
use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{
    Event, ListenerError, Pool, RetryScheduled, SubmitErrorReason, Task, Timer, TimerId, far_future,
};

/// How long to wait for a place in a pool that is full when an attempt is due.
pub(super) const FULL: Duration = Duration::from_millis(5);

/// The next attempt of a listener that failed.
struct Later<C> {
    flight: Arc<Flight<C>>,
    entry: Arc<Registration>,
    attempt: u32,
    /// Of the attempt before.
    error: ListenerError,
    timer: Arc<dyn Timer>,
    /// Kept alive until the attempts have ended, also when the emitter is gone.
    pool: Arc<dyn Pool>,
    link: Arc<Link>,
    /// An attempt before it that may still run, as its time ran out. Two never overlap.
    after: Option<Arc<Late>>,
    /// Ends the wait for that one.
    alarm: Mutex<Option<TimerId>>,
    due: AtomicBool,
    begun: AtomicBool,
}

/// Says whether the listener will be called again.
pub(super) fn call_again<C: Cargo>(
    flight: &Arc<Flight<C>>,
    entry: &Arc<Registration>,
    event: &dyn Event,
    failed: Failed<'_>,
    after: Option<&Arc<Late>>,
) -> bool {
    let setup = &flight.core.setup;
    let own = setup.own_pool(entry);
    let alive = |link: &Arc<Link>| Some((link.upgrade()?, Arc::clone(link)));
    let pool = own.and_then(alive).or_else(|| {
        // A future can be polled nowhere else.
        (!entry.is_async()).then(|| alive(&flight.core.link()))?
    });
    let (Some((pool, link)), Some(timer)) = (pool, setup.timer.clone()) else {
        return false;
    };
    if !take_seat(setup) {
        return false;
    }
    let later = Arc::new(Later {
        flight: Arc::clone(flight),
        entry: Arc::clone(entry),
        attempt: failed.attempt + 1,
        error: failed.error.clone(),
        timer,
        pool,
        link,
        after: after.cloned(),
        alarm: Mutex::default(),
        due: AtomicBool::new(false),
        begun: AtomicBool::new(false),
    });
    let observers = &setup.handlers.observers;
    if !observers.is_empty() {
        let (topic, listener) = (flight.core.topic(), entry.listener_ref());
        let Failed {
            attempt,
            error,
            delay,
        } = failed;
        let retry = RetryScheduled::new(topic, event, listener, attempt, error, delay);
        observers.notify(|observer| observer.retry_scheduled(&retry));
    }
    flight.core.add_part(Arc::clone(&later) as _);
    if later.wait(failed.delay) {
        return true;
    }
    later.give_up_seat();
    take_off(flight, &later);
    flight.end_part(Tally::default());
    false
}

/// Whether one more may wait for its next attempt.
fn take_seat(setup: &Setup) -> bool {
    let free = |waiting| (waiting < setup.retry_capacity).then(|| waiting + 1);
    let retries = &setup.hub.retries;
    retries
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, free)
        .is_ok()
}

impl<C: Cargo> Later<C> {
    fn claim(&self) -> bool {
        !self.begun.swap(true, Ordering::AcqRel)
    }

    fn give_up_seat(&self) {
        let retries = &self.flight.core.setup.hub.retries;
        retries.fetch_sub(1, Ordering::AcqRel);
    }

    /// Says whether the timer takes it.
    fn wait(self: &Arc<Self>, delay: Duration) -> bool {
        let now = self.timer.now();
        let due = now.checked_add(delay).unwrap_or_else(far_future);
        let later = Arc::clone(self);
        self.timer
            .at(due, Box::new(move || later.fall_due()))
            .is_ok()
    }

    /// On the timer's thread.
    fn fall_due(self: Arc<Self>) {
        let _entered = self.flight.core.enter_on_timer();
        match &self.after {
            Some(after) if !after.is_over() => self.wait_for(after),
            _ => self.submit(),
        }
    }

    /// Goes on when the attempt before has returned, or its own time has run out like that one's.
    fn wait_for(self: &Arc<Self>, before: &Arc<Late>) {
        let limit = self.entry.timeout().unwrap_or_default();
        let now = self.timer.now();
        let due = now.checked_add(limit).unwrap_or_else(far_future);
        let later = Arc::clone(self);
        match self.timer.at(due, Box::new(move || later.run_out(limit))) {
            Ok(id) => {
                *self.alarm() = Some(id);
                before.then(Arc::clone(self) as _);
            }
            Err(_) => Arc::clone(self).give_up(),
        }
    }

    fn alarm(&self) -> MutexGuard<'_, Option<TimerId>> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt before has not returned in the time that this one had.
    fn run_out(self: Arc<Self>, limit: Duration) {
        let waits = self.after.as_ref().is_some_and(|before| before.forget());
        if !waits || !self.claim() {
            return;
        }
        self.give_up_seat();
        let core = &self.flight.core;
        let _entered = core.enter_on_timer();
        let mut tally = Tally::default();
        let mut ground = self.ground(self.after.as_ref());
        contained(|| {
            C::show(&self.flight, &mut |event| {
                let handlers = &core.setup.handlers;
                let entry = &self.entry;
                let call = Call::new(entry, core.topic(), event, self.attempt, handlers);
                let step = Step::RanOut(limit, None);
                tell(&call, handlers, step, &mut tally, &mut ground);
            });
        });
        self.end(tally);
    }

    fn ground<'a>(self: &'a Arc<Self>, late: Option<&'a Arc<Late>>) -> Inside<'a, C> {
        Inside {
            flight: &self.flight,
            part: Some(Arc::clone(self) as _),
            link: &self.link,
            late,
        }
    }

    fn submit(self: Arc<Self>) {
        if !self.due.swap(true, Ordering::AcqRel) {
            self.flight.core.tell_of_parts();
        }
        let job = self.offer();
        let Err(refused) = self.pool.try_submit(job) else {
            return;
        };
        let (job, reason) = take_back(refused).into_parts();
        // Dropping the job would tell that it was discarded.
        let is_unclaimed = self.claim();
        drop(job);
        if !is_unclaimed {
            return;
        }
        if matches!(reason, SubmitErrorReason::Full { .. }) {
            self.begun.store(false, Ordering::Release);
            self.flight.core.tell_of_parts();
            if !self.wait(FULL) {
                self.give_up();
            }
            return;
        }
        self.give_up_seat();
        self.bury();
    }

    /// The error of the attempt before was the last one.
    fn give_up(self: Arc<Self>) {
        if self.claim_to_run() {
            self.bury();
        }
    }

    fn bury(self: &Arc<Self>) {
        let core = &self.flight.core;
        let _entered = self.flight.core.enter_on(&self.link);
        contained(|| {
            C::show(&self.flight, &mut |event| {
                bury(event, &core.setup.handlers, &self.error, self.attempt - 1);
            });
        });
        core.fail(self.error.clone());
        self.end(Tally {
            delivered: 1,
            failed: 1,
            ..Tally::default()
        });
    }
}

impl<C: Cargo> AnyPart for Later<C> {
    fn is_on_its_pool(&self) -> bool {
        let begun = self.begun.load(Ordering::Acquire);
        let is_due = self.due.load(Ordering::Acquire);
        is_due && !begun && !self.is_async() && self.link.is_here()
    }

    fn is_future_here(&self) -> bool {
        self.is_async() && self.link.is_here()
    }

    fn run_inside(self: Arc<Self>) -> Option<Pin<Box<dyn Adopted>>> {
        if self.is_future_here() && self.due.load(Ordering::Acquire) {
            self.adopt()
        } else {
            None
        }
    }

    fn run_here(self: Arc<Self>) {
        if !self.claim_to_run() {
            return;
        }
        let core = &self.flight.core;
        let mut tally = Tally::default();
        let _entered = self.flight.core.enter_on(&self.link);
        contained(|| {
            C::show(&self.flight, &mut |event| {
                tally = dispatch_again(
                    &self.entry,
                    core.topic(),
                    event,
                    self.attempt,
                    &core.setup.handlers,
                    &mut self.ground(None),
                );
            });
        });
        self.end(tally);
    }
}

impl<C: Cargo> Attempt for Later<C> {
    type Cargo = C;

    fn flight(&self) -> &Arc<Flight<C>> {
        &self.flight
    }

    fn entry(&self) -> &Arc<Registration> {
        &self.entry
    }

    fn link(&self) -> &Arc<Link> {
        &self.link
    }

    fn number(&self) -> u32 {
        self.attempt
    }

    fn claim_to_run(&self) -> bool {
        let is_here = self.claim();
        if is_here {
            self.give_up_seat();
        }
        is_here
    }

    fn is_lost(self: &Arc<Self>, _: Option<SubmitErrorReason>) {
        self.bury();
    }

    fn end(self: &Arc<Self>, tally: Tally) {
        take_off(&self.flight, self);
        self.flight.end_part(tally);
    }
}

impl<C: Cargo> Next for Later<C> {
    fn go(self: Arc<Self>) {
        let alarm = self.alarm().take();
        if let Some(id) = alarm {
            self.timer.cancel(id);
        }
        self.submit();
    }
}

impl<C: Cargo> Task for Later<C> {
    fn run(self: Arc<Self>) {
        let later = Arc::clone(&self);
        self.run_here();
        give_place(&later.flight.core.setup.hub, || Arc::clone(&later.link));
    }

    /// Its pool stopped, or dropped it.
    fn discarded(self: Arc<Self>) {
        self.give_up();
    }
}
