//! Listeners that are not waited for any longer than they may take.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cargo::Cargo;
use super::flight::Flight;
use super::future::Adopted;
use super::later::FULL;
use super::link::Link;
use super::part::{AnyPart, Inside, take_off};
use super::stalled::give_place;
use crate::dispatch::{Audience, Tally, dispatch, handled, tell};
use crate::invocation::{Alarm, Call, Step, Verdict, Watched, Within};
use crate::routing::Bulkheads;
use soiree_core::observe::reclaim as take_back;
use soiree_core::panic::contained;
use soiree_core::registry::{Registration, RemainingListeners};
use soiree_core::{ListenerEnd, Pool, SubmitErrorReason, Task, Timer, far_future};

/// The listener runs.
const CALLED: u8 = 0;
/// It has returned in time.
const RETURNED: u8 = 1;
/// Its time ran out, and that is being told of.
const RAN_OUT: u8 = 2;
/// The listeners after it wait for a worker: another one, or this one, should it return.
const WAITING: u8 = 3;
/// Somebody calls them, or there are none.
const BEGUN: u8 = 4;

/// One call, and what is to be done when its time runs out.
struct SlowListenerMonitor<C> {
    flight: Arc<Flight<C>>,
    entry: Arc<Registration>,
    limit: Duration,
    attempt: u32,
    is_last_run: bool,
    before: Tally,
    /// The listeners after it.
    rest: Option<RemainingListeners>,
    /// What of the emission the call is, if it is not the listeners that are called one after another.
    part: Option<Arc<dyn AnyPart>>,
    link: Arc<Link>,
    /// Where those after it go.
    pool: Option<Arc<dyn Pool>>,
    timer: Arc<dyn Timer>,
    stage: AtomicU8,
    /// It has returned too late.
    is_back: AtomicBool,
    /// For attempts that come after it.
    late: Option<Arc<Late>>,
}

/// A call that nobody waits for any more, and the next attempt, which must not overlap it.
#[derive(Default)]
pub(super) struct Late {
    over: AtomicBool,
    next: Mutex<Option<Arc<dyn Next>>>,
}

/// An attempt that is due, and waits for the one before it to return.
pub(super) trait Next: Send + Sync {
    fn go(self: Arc<Self>);
}

/// Has the time watched that a listener takes.
pub(super) fn watch<C: Cargo>(
    flight: &Arc<Flight<C>>,
    call: &Call<'_>,
    within: Within<'_>,
    limit: Duration,
    part: Option<&Arc<dyn AnyPart>>,
    link: &Arc<Link>,
) -> Watched {
    let Some(timer) = &flight.core.setup.timer else {
        return Watched::measured(None);
    };
    let watch = Arc::new(SlowListenerMonitor {
        flight: Arc::clone(flight),
        entry: Arc::clone(call.entry),
        limit,
        attempt: call.attempt,
        is_last_run: within.last.get(),
        before: *within.before,
        rest: within
            .snapshot
            .map(|snapshot| RemainingListeners::after(snapshot, call.entry)),
        part: part.cloned(),
        link: Arc::clone(link),
        pool: link.upgrade(),
        timer: Arc::clone(timer),
        stage: AtomicU8::new(CALLED),
        is_back: AtomicBool::new(false),
        late: call.entry.retry().is_some().then(Arc::default),
    });
    let due = timer.now().checked_add(limit).unwrap_or_else(far_future);
    let alarm = Arc::clone(&watch);
    match timer.at(due, Box::new(move || alarm.go_off())) {
        Ok(id) => Watched::Alarmed(watch, Arc::clone(timer), id),
        Err(_) => Watched::measured(Some(timer)),
    }
}

impl<C: Cargo> SlowListenerMonitor<C> {
    fn step(&self, from: u8, to: u8) -> bool {
        let stage = &self.stage;
        stage
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// On the timer's thread.
    fn go_off(self: Arc<Self>) {
        if !self.step(CALLED, RAN_OUT) {
            return;
        }
        let core = &self.flight.core;
        let _entered = core.enter_on_timer();
        if self.is_last_run {
            core.setup.hub.registry.remove_exhausted(&self.entry);
        }
        let mut tally = self.before;
        contained(|| {
            C::show(&self.flight, &mut |event| {
                let mut ground = Inside {
                    flight: &self.flight,
                    part: None,
                    link: &self.link,
                    late: self.late.as_ref(),
                };
                let handlers = &core.setup.handlers;
                let entry = &self.entry;
                let call = Call::new(entry, core.topic(), event, self.attempt, handlers);
                call.was_run(self.limit);
                let step = Step::RanOut(self.limit, None);
                tell(&call, handlers, step, &mut tally, &mut ground);
                contained(|| tally.aborted |= event.is_aborted());
            });
        });
        let rest = self.rest.as_ref().filter(|_| !tally.aborted);
        if rest.is_none_or(|rest| rest.is_empty(core.topic())) {
            self.stage.store(BEGUN, Ordering::Release);
            self.end(tally);
            return;
        }
        core.add(tally);
        core.ledger().parts.push(Arc::clone(&self) as _);
        self.stage.store(WAITING, Ordering::SeqCst);
        core.tell_of_parts();
        self.submit();
    }

    /// Has the listeners after it called by another worker, as soon as there is a place in the queue. On the timer's thread.
    fn submit(self: Arc<Self>) {
        let setup = &self.flight.core.setup;
        // A bulkhead that was drained meanwhile is closed; they go where they would go without it.
        let default = setup.pools.get(Bulkheads::DEFAULT);
        let default = default.and_then(|link| Some((link.upgrade()?, link)));
        let own = self.pool.clone().map(|pool| (pool, &self.link));
        if own.is_none() && default.is_none() {
            // They are called by the worker that the listener holds, when it returns; unless it has.
            if self.is_back.load(Ordering::SeqCst) {
                self.give_up();
            }
            return;
        }
        let mut closed = false;
        for (pool, link) in own.into_iter().chain(default) {
            let job = setup.offer(Arc::clone(&self) as _, link);
            let Err(refused) = pool.try_submit(job) else {
                return;
            };
            let (job, reason) = take_back(refused).into_parts();
            // Dropping the job would tell that it was discarded.
            let is_unclaimed = self.step(WAITING, BEGUN);
            drop(job);
            if !is_unclaimed {
                return;
            }
            closed = matches!(reason, SubmitErrorReason::Closed);
            if !closed {
                break;
            }
            self.stage.store(WAITING, Ordering::Release);
        }
        if closed {
            self.give_up();
            return;
        }
        self.stage.store(WAITING, Ordering::Release);
        self.flight.core.tell_of_parts();
        let due = self.timer.now() + FULL;
        let again = Arc::clone(&self);
        let waits = self.timer.at(due, Box::new(move || again.submit_again()));
        if waits.is_err() && self.is_back.load(Ordering::SeqCst) {
            self.give_up();
        }
    }

    fn submit_again(self: Arc<Self>) {
        if self.stage.load(Ordering::Acquire) == WAITING {
            let _entered = self.flight.core.enter_on_timer();
            self.submit();
        }
    }

    /// The listeners after it are not called: no pool takes them.
    fn give_up(self: &Arc<Self>) {
        if !self.step(WAITING, BEGUN) {
            return;
        }
        let core = &self.flight.core;
        let _entered = core.enter_on(&self.link);
        let mut tally = Tally::default();
        contained(|| {
            C::show(&self.flight, &mut |event| {
                contained(|| tally.aborted = event.is_aborted());
                let Some(rest) = self.rest.as_ref().filter(|_| !tally.aborted) else {
                    return;
                };
                rest.look(core.topic(), |entry| {
                    tally.not_called += 1;
                    let error = entry.discarded(core.topic());
                    let handlers = &core.setup.handlers;
                    let call = Call::new(entry, core.topic(), event, 1, handlers);
                    call.ended(ListenerEnd::Discarded(&error));
                    if let Some(error) = handled(event, handlers, error) {
                        core.fail(error);
                    }
                });
            });
        });
        take_off(&self.flight, self);
        self.flight.end_calls(tally);
    }

    fn end(&self, tally: Tally) {
        if let Some(part) = &self.part {
            take_off(&self.flight, part);
        }
        if self.attempt == 1 {
            self.flight.end_calls(tally);
        } else {
            self.flight.end_part(tally);
        }
    }
}

impl<C: Cargo> Alarm for SlowListenerMonitor<C> {
    fn returned(self: Arc<Self>) -> Verdict {
        if self.step(CALLED, RETURNED) {
            return Verdict::InTime;
        }
        self.is_back.store(true, Ordering::SeqCst);
        if let Some(late) = &self.late {
            late.end();
        }
        if !self.step(WAITING, BEGUN) {
            return Verdict::Stop;
        }
        take_off(&self.flight, &self);
        Verdict::GoOn
    }
}

impl<C: Cargo> AnyPart for SlowListenerMonitor<C> {
    fn is_on_its_pool(&self) -> bool {
        self.stage.load(Ordering::Acquire) == WAITING && self.link.is_here()
    }

    fn is_future_here(&self) -> bool {
        false
    }

    fn run_inside(self: Arc<Self>) -> Option<Pin<Box<dyn Adopted>>> {
        None
    }

    fn run_here(self: Arc<Self>) {
        let Some(rest) = &self.rest else { return };
        if !self.step(WAITING, BEGUN) {
            return;
        }
        take_off(&self.flight, &self);
        let core = &self.flight.core;
        let mut tally = Tally::default();
        let _entered = core.enter_on(&self.link);
        contained(|| {
            C::show(&self.flight, &mut |event| {
                let setup = &core.setup;
                let audience = Audience::After(rest);
                let mut ground = &self.flight;
                let registry = &setup.hub.registry;
                let (topic, handlers) = (core.topic(), &setup.handlers);
                tally = dispatch(registry, audience, topic, event, handlers, &mut ground);
            });
        });
        self.flight.end_calls(tally);
    }
}

impl<C: Cargo> Task for SlowListenerMonitor<C> {
    fn run(self: Arc<Self>) {
        let watch = Arc::clone(&self);
        self.run_here();
        give_place(&watch.flight.core.setup.hub, || Arc::clone(&watch.link));
    }

    /// The pool stopped, or dropped it.
    fn discarded(self: Arc<Self>) {
        self.give_up();
    }
}

impl Late {
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Has an attempt go on when the call has returned.
    pub(super) fn then(&self, next: Arc<dyn Next>) {
        self.replace(Some(next));
        // The call may have returned in between.
        if self.is_over() {
            self.end();
        }
    }

    /// The attempt no longer waits for it. Says whether it did.
    pub(super) fn forget(&self) -> bool {
        self.replace(None).is_some()
    }

    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(next) = self.replace(None) {
            next.go();
        }
    }

    fn replace(&self, next: Option<Arc<dyn Next>>) -> Option<Arc<dyn Next>> {
        let mut waiting = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut waiting, next)
    }
}
