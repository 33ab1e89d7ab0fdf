//! Calling the listeners of one event: order, abort, filters, runs, errors and panics. No threads, no clock.

mod future;
mod plain;
mod tell;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::future::{begin, cut_short, finish};
pub(crate) use self::plain::{Called, call_plain};
pub(crate) use self::tell::{bury, handled, tell, tell_if_dead};
use crate::invocation::Again;
use crate::invocation::{Call, Step, Watched, Within, caught_step, run, take};
use crate::settings::Handlers;
use crate::trace;
use soiree_core::panic::contained;
use soiree_core::registry::{
    CachedListener, Lookup, Registration, RemainingListeners, Snapshot, Visitor,
};
use soiree_core::{Event, ListenerError, PanicPayload, Pattern, Registry};

/// What came of calling the listeners of an event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) not_called: u64,
    pub(crate) retried: u64,
    pub(crate) aborted: bool,
    /// A listener's time ran out, and what comes after it is somebody else's. The rest of this counts for nothing.
    pub(crate) overtaken: bool,
}

/// The emission that listeners are called for.
pub(crate) trait Ground {
    /// Keeps an error that the error handler let through.
    fn keep(&mut self, error: ListenerError);

    /// Has a listener called on the pool of its own. Says whether that is settled; else it is called here.
    fn hand_over(
        &mut self,
        entry: &Arc<Registration>,
        event: &dyn Event,
        tally: &mut Tally,
    ) -> bool;

    /// Has a listener that failed called again. Says whether it will be; else the error is its last.
    fn retry(&mut self, entry: &Arc<Registration>, event: &dyn Event, failed: Failed<'_>) -> bool;

    /// Has the time watched that a listener takes, which is called next.
    fn watch(&mut self, call: &Call<'_>, within: Within<'_>, limit: Duration) -> Watched;

    /// Whether a listener that was handed over has aborted a copy of the event.
    fn is_aborted_elsewhere(&mut self, event: &dyn Event) -> bool;
}

/// Whose listeners are called.
pub(crate) enum Audience<'a> {
    /// Of every pattern that matches the topic.
    Matching,
    /// The same, in this state of the registry, which the caller holds on to.
    In(&'a Arc<Snapshot>, Lookup<'a>),
    /// The rest of these, who are the listeners of the topic in this state of the registry, and of whom some were called.
    Further(&'a [CachedListener], Called, &'a Arc<Snapshot>),
    /// Of this pattern alone, in this state of the registry, whatever the topic.
    Of(&'a Pattern, &'a Arc<Snapshot>),
    /// Of every pattern that matched the topic, those that come after a certain one.
    After(&'a RemainingListeners),
}

/// An attempt that failed.
#[derive(Clone, Copy)]
pub(crate) struct Failed<'a> {
    pub(crate) attempt: u32,
    pub(crate) error: &'a ListenerError,
    pub(crate) delay: Duration,
}

/// Calls the listeners one after another.
pub(crate) fn dispatch(
    registry: &Registry,
    audience: Audience<'_>,
    topic: &str,
    event: &dyn Event,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Tally {
    let mut turns = Turns {
        registry,
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
        Audience::Matching => registry.visit(topic, &mut turns),
        Audience::In(snapshot, found) => registry.visit_in(snapshot, found, topic, &mut turns),
        Audience::Further(calls, called, snapshot) => turns.go_on(calls, called, snapshot),
        Audience::Of(pattern, snapshot) => snapshot.visit_pattern(pattern, &mut turns),
        Audience::After(rest) => rest.visit(topic, &mut turns),
    }
    if !turns.spent.is_empty() {
        turns.take_off_spent();
    }
    let mut tally = turns.tally;
    contained(|| tally.aborted |= event.is_aborted());
    tally
}

/// The listeners' turns, one after another.
struct Turns<'a> {
    registry: &'a Registry,
    topic: &'a str,
    event: &'a dyn Event,
    handlers: &'a Handlers,
    ground: &'a mut dyn Ground,
    tally: Tally,
    /// Those that have been called for the last time.
    spent: Vec<Arc<Registration>>,
    handed_over: bool,
    /// Nobody is told of a call that goes well.
    unseen: bool,
}

impl Visitor for Turns<'_> {
    fn visit<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e Arc<Registration>>,
        snapshot: &Arc<Snapshot>,
    ) {
        for entry in entries {
            self.turn(entry, snapshot);
            if self.tally.aborted || self.tally.overtaken {
                return;
            }
        }
    }
}

impl Turns<'_> {
    #[inline]
    fn turn(&mut self, entry: &Arc<Registration>, snapshot: &Arc<Snapshot>) {
        if !(self.unseen && entry.plain) || self.handed_over {
            return self.seen_turn(entry, snapshot);
        }
        // What is left of a turn when there is nothing to ask before it, and nobody to tell of it afterwards.
        let event = self.event;
        match caught(|| (!event.is_aborted()).then(|| entry.listener.handle(event))) {
            Ok(Some(Ok(()))) => self.tally.delivered += 1,
            Ok(None) => self.tally.aborted = true,
            Ok(Some(failed)) => self.ended_badly(entry, Step::Called(failed)),
            Err(panic) => self.ended_badly(entry, Step::Panicked(panic)),
        }
    }

    /// Goes on after listeners that were [called](call_plain) in a row.
    fn go_on(&mut self, calls: &[CachedListener], called: Called, snapshot: &Arc<Snapshot>) {
        let (before, rest) = calls.split_at(called.count);
        self.tally.delivered = called.count as u64;
        if let (Some(step), Some(last)) = (called.badly, before.last()) {
            self.tally.delivered -= 1;
            self.ended_badly(&last.entry, step);
        }
        self.visit(rest.iter().map(|call| &call.entry), snapshot);
    }

    #[cold]
    fn ended_badly(&mut self, entry: &Arc<Registration>, step: Step) {
        let call = Call::new(entry, self.topic, self.event, 1, self.handlers);
        tell(&call, self.handlers, step, &mut self.tally, self.ground);
    }

    #[inline(never)]
    fn seen_turn(&mut self, entry: &Arc<Registration>, snapshot: &Arc<Snapshot>) {
        if entry.timeout().is_some() {
            // It may not return.
            self.take_off_spent();
        }
        let Self {
            topic,
            event,
            handlers,
            ..
        } = *self;
        let last = Cell::new(false);
        let call = Call::new(entry, topic, event, 1, handlers);
        let mut step = caught_step(|| {
            if self.handed_over && self.ground.is_aborted_elsewhere(event) {
                return Step::Aborted;
            }
            if entry.pool().is_some() && !event.is_aborted() {
                return Step::HandOver;
            }
            let within = Within {
                snapshot: Some(snapshot),
                before: &self.tally,
                last: &last,
            };
            take(&call, within, self.ground)
        });
        if let Step::HandOver = step {
            self.handed_over = true;
            let mut settled = false;
            contained(|| settled = self.ground.hand_over(entry, event, &mut self.tally));
            if settled {
                return;
            }
            let within = Within {
                snapshot: Some(snapshot),
                before: &self.tally,
                last: &last,
            };
            step = caught_step(|| take(&call, within, self.ground));
        }
        tell(&call, handlers, step, &mut self.tally, self.ground);
        if last.get() {
            self.spent.push(Arc::clone(entry));
        }
    }

    fn take_off_spent(&mut self) {
        for entry in self.spent.drain(..) {
            self.registry.remove_exhausted(&entry);
            contained(move || drop(entry));
        }
    }
}

/// Calls one listener that was handed over.
pub(crate) fn dispatch_one(
    registry: &Registry,
    entry: &Arc<Registration>,
    topic: &str,
    event: &dyn Event,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Tally {
    let mut tally = Tally::default();
    let last = Cell::new(false);
    let call = Call::new(entry, topic, event, 1, handlers);
    let within = Within {
        snapshot: None,
        before: &tally,
        last: &last,
    };
    let step = caught_step(|| take(&call, within, ground));
    tell(&call, handlers, step, &mut tally, ground);
    if last.get() {
        registry.remove_exhausted(entry);
    }
    contained(|| tally.aborted |= event.is_aborted());
    tally
}

/// Calls a listener again that has failed before.
pub(crate) fn dispatch_again(
    entry: &Arc<Registration>,
    topic: &str,
    event: &dyn Event,
    attempt: u32,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Tally {
    let mut tally = Tally::default();
    let again = Again { event, attempt };
    let call = Call::new(entry, topic, event, attempt, handlers);
    let within = Within {
        snapshot: None,
        before: &tally,
        last: &Cell::new(false),
    };
    let step = caught_step(|| run(&call, &again, within, ground));
    tell(&call, handlers, step, &mut tally, ground);
    tally
}

pub(crate) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, PanicPayload> {
    catch_unwind(AssertUnwindSafe(run)).map_err(PanicPayload::new)
}
