//! Calling the listeners of one event: order, abort, filters, runs, errors and panics. No threads, no clock.

mod future;
mod handlers;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::future::{begin, cut_short, finish};
pub use self::handlers::{
    DeadEventHandler, DeadLetterHandler, ErrorHandler, Handlers, PanicHandler,
};
use crate::event::Event;
use crate::job::PanicPayload;
use crate::listener::{BoxError, ListenerError, ListenerPanic};
use crate::observe::{Call, DeadEvent, ListenerEnd};
use crate::registry::{Claim, Entry, Registry, contained};
use crate::retry::{Again, DeadLetter};
use crate::topic::Pattern;
use crate::trace;

/// What came of calling the listeners of an event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) not_called: u64,
    pub(crate) retried: u64,
    pub(crate) aborted: bool,
}

/// The emission that listeners are called for.
pub(crate) trait Ground {
    /// Keeps an error that the error handler let through.
    fn keep(&mut self, error: ListenerError);

    /// Has a listener called on the pool of its own. Says whether that is settled; else it is called here.
    fn hand_over(&mut self, entry: &Arc<Entry>, event: &dyn Event, tally: &mut Tally) -> bool;

    /// Has a listener that failed called again. Says whether it will be; else the error is its last.
    fn retry(&mut self, entry: &Arc<Entry>, event: &dyn Event, failed: Failed<'_>) -> bool;

    /// Whether a listener that was handed over has aborted a copy of the event.
    fn is_aborted_elsewhere(&mut self, event: &dyn Event) -> bool;
}

/// Whose listeners are called.
#[derive(Clone, Copy)]
pub(crate) enum Audience<'a> {
    /// Of every pattern that matches this topic.
    Matching(&'a str),
    /// Of this pattern alone, with an event on this topic.
    Of(&'a Pattern, &'a str),
}

/// An attempt that failed.
#[derive(Clone, Copy)]
pub(crate) struct Failed<'a> {
    pub(crate) attempt: u32,
    pub(crate) error: &'a ListenerError,
    pub(crate) delay: Duration,
}

enum Step {
    Aborted,
    Skipped,
    HandOver,
    Called(Result<(), BoxError>),
}

/// Calls the listeners one after another.
pub(crate) fn dispatch(
    registry: &Registry,
    audience: Audience<'_>,
    event: &dyn Event,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Tally {
    let (Audience::Matching(topic) | Audience::Of(_, topic)) = audience;
    let mut turns = Turns {
        topic,
        event,
        handlers,
        ground,
        tally: Tally::default(),
        spent: Vec::new(),
        handed_over: false,
        unseen: handlers.are_quiet() && !trace::is_possible(),
    };
    match audience {
        Audience::Matching(topic) => registry.visit(topic, |entry| turns.turn(entry)),
        Audience::Of(pattern, _) => registry.visit_pattern(pattern, |entry| turns.turn(entry)),
    }
    let Turns {
        mut tally, spent, ..
    } = turns;
    if !spent.is_empty() {
        for entry in &spent {
            registry.remove_spent(entry);
        }
        contained(move || drop(spent));
    }
    contained(|| tally.aborted |= event.is_aborted());
    tally
}

/// The listeners' turns, one after another.
struct Turns<'a> {
    topic: &'a str,
    event: &'a dyn Event,
    handlers: &'a Handlers,
    ground: &'a mut dyn Ground,
    tally: Tally,
    /// Those that have been called for the last time.
    spent: Vec<Arc<Entry>>,
    handed_over: bool,
    /// Nobody is told of a call that goes well.
    unseen: bool,
}

impl Turns<'_> {
    #[inline]
    fn turn(&mut self, entry: &Arc<Entry>) {
        if self.tally.aborted {
            return;
        }
        if !(self.unseen && entry.plain) || self.handed_over {
            return self.seen_turn(entry);
        }
        // What is left of a turn when there is nothing to ask before it, and nobody to tell of it afterwards.
        let event = self.event;
        match caught(|| (!event.is_aborted()).then(|| entry.listener.handle(event))) {
            Ok(Some(Ok(()))) => self.tally.delivered += 1,
            Ok(None) => self.tally.aborted = true,
            Ok(Some(failed)) => self.ended_badly(entry, Ok(Step::Called(failed))),
            Err(panic) => self.ended_badly(entry, Err(panic)),
        }
    }

    #[cold]
    fn ended_badly(&mut self, entry: &Arc<Entry>, step: Result<Step, PanicPayload>) {
        let call = Call::new(entry, self.topic, self.event, 1, self.handlers);
        tell(&call, self.handlers, step, &mut self.tally, self.ground);
    }

    #[inline(never)]
    fn seen_turn(&mut self, entry: &Arc<Entry>) {
        let Self {
            topic,
            event,
            handlers,
            ..
        } = *self;
        let last = Cell::new(false);
        let call = Call::new(entry, topic, event, 1, handlers);
        let mut step = caught(|| {
            if self.handed_over && self.ground.is_aborted_elsewhere(event) {
                return Step::Aborted;
            }
            if entry.pool.is_some() && !event.is_aborted() {
                return Step::HandOver;
            }
            step(&call, &last)
        });
        if let Ok(Step::HandOver) = step {
            self.handed_over = true;
            let mut settled = false;
            contained(|| settled = self.ground.hand_over(entry, event, &mut self.tally));
            if settled {
                return;
            }
            step = caught(|| self::step(&call, &last));
        }
        tell(&call, handlers, step, &mut self.tally, self.ground);
        if last.get() {
            self.spent.push(Arc::clone(entry));
        }
    }
}

/// Calls one listener that was handed over.
pub(crate) fn dispatch_one(
    registry: &Registry,
    entry: &Arc<Entry>,
    topic: &str,
    event: &dyn Event,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Tally {
    let mut tally = Tally::default();
    let last = Cell::new(false);
    let call = Call::new(entry, topic, event, 1, handlers);
    let step = caught(|| step(&call, &last));
    tell(&call, handlers, step, &mut tally, ground);
    if last.get() {
        registry.remove_spent(entry);
    }
    contained(|| tally.aborted |= event.is_aborted());
    tally
}

/// Calls a listener again that has failed before.
pub(crate) fn dispatch_again(
    entry: &Arc<Entry>,
    topic: &str,
    event: &dyn Event,
    attempt: u32,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Tally {
    let mut tally = Tally::default();
    let again = Again { event, attempt };
    let call = Call::new(entry, topic, event, attempt, handlers);
    let step = caught(|| Step::Called(call.run(&again)));
    tell(&call, handlers, step, &mut tally, ground);
    tally
}

/// Tells the dead event handler, if the emission has called nobody.
pub(crate) fn tell_if_dead(tally: Tally, topic: &str, event: &dyn Event, handlers: &Handlers) {
    if tally.delivered + tally.not_called > 0 || tally.aborted {
        return;
    }
    if !handlers.observers.is_empty() {
        let dead = DeadEvent { topic, event };
        let observers = &handlers.observers;
        observers.tell(|observer| observer.dead_event(&dead));
    }
    if let Some(handler) = &handlers.dead_event {
        contained(|| handler(event));
    }
}

pub(crate) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, PanicPayload> {
    catch_unwind(AssertUnwindSafe(run)).map_err(PanicPayload::new)
}

/// The one place that tells of all that a turn can come to.
fn tell(
    call: &Call<'_>,
    handlers: &Handlers,
    step: Result<Step, PanicPayload>,
    tally: &mut Tally,
    ground: &mut dyn Ground,
) {
    let &Call {
        entry,
        topic,
        event,
        attempt,
        ..
    } = call;
    let error = match step {
        Ok(Step::Aborted) => {
            tally.aborted = true;
            return;
        }
        Ok(Step::Skipped | Step::HandOver) => return,
        Ok(Step::Called(Ok(()))) => {
            call.ended(ListenerEnd::Succeeded);
            tally.delivered += 1;
            return;
        }
        Ok(Step::Called(Err(error))) => {
            let error = ListenerError::failed(entry.place(topic), error);
            call.ended(ListenerEnd::Failed(&error));
            error
        }
        Err(payload) => panicked(call, handlers, payload),
    };
    let kept = handled(event, handlers, error);
    if let (Some(error), Some(retry)) = (&kept, &entry.retry) {
        let mut again = false;
        if let Some(delay) = retry.delay(attempt) {
            let failed = Failed {
                attempt,
                error,
                delay,
            };
            contained(|| again = ground.retry(entry, event, failed));
        }
        if again {
            tally.retried += 1;
            return;
        }
        bury(event, handlers, error, attempt);
    }
    tally.delivered += 1;
    tally.failed += 1;
    if let Some(error) = kept {
        contained(|| ground.keep(error));
    }
}

/// Tells of an event that a listener has given up on. One that tells of such an event itself is not told of again.
#[cold]
pub(crate) fn bury(event: &dyn Event, handlers: &Handlers, error: &ListenerError, attempts: u32) {
    let (handler, observers) = (&handlers.dead_letter, &handlers.observers);
    if handler.is_none() && observers.is_empty() {
        return;
    }
    contained(|| {
        let payload = event.payload();
        if payload.is::<DeadLetter>() {
            return;
        }
        let letter = DeadLetter {
            topic: error.topic().into(),
            event_id: event.id(),
            payload,
            error: error.clone(),
            attempts,
        };
        observers.tell(|observer| observer.dead_letter(&letter));
        if let Some(handler) = handler {
            handler(&letter);
        }
    });
}

fn step(call: &Call<'_>, last: &Cell<bool>) -> Step {
    hold_back(call, last).unwrap_or_else(|| Step::Called(call.run(call.event)))
}

/// Why a listener is not to be called now; if it is, that is one of its runs.
fn hold_back(call: &Call<'_>, last: &Cell<bool>) -> Option<Step> {
    let &Call { entry, event, .. } = call;
    if event.is_aborted() {
        return Some(Step::Aborted);
    }
    if entry.filter.as_ref().is_some_and(|filter| !filter(event)) {
        return Some(Step::Skipped);
    }
    match entry.claim() {
        Claim::Spent => return Some(Step::Skipped),
        Claim::CallLast => last.set(true),
        Claim::Call => {}
    }
    None
}

#[cold]
fn panicked(call: &Call<'_>, handlers: &Handlers, payload: PanicPayload) -> ListenerError {
    let place = call.entry.place(call.topic);
    let error = ListenerError::panicked(place, payload.message());
    call.ended(ListenerEnd::Panicked(&error));
    let observers = &handlers.observers;
    if handlers.panic.is_some() || !observers.is_empty() {
        let panic = ListenerPanic {
            topic: place.topic,
            listener: place.listener,
            pattern: place.pattern,
            name: place.name.map(|name| &**name),
            registered_at: place.registered_at,
            message: payload.message(),
            payload: payload.get(),
        };
        observers.tell(|observer| observer.listener_panicked(&panic));
        if let Some(handler) = &handlers.panic {
            contained(|| handler(&panic));
        }
    }
    error
}

/// What the error handler makes of an error.
#[cold]
pub(crate) fn handled(
    event: &dyn Event,
    handlers: &Handlers,
    error: ListenerError,
) -> Option<ListenerError> {
    let Some(handler) = &handlers.error else {
        return Some(error);
    };
    let mut kept = Some(error.clone());
    contained(|| kept = handler(event, error));
    kept
}
