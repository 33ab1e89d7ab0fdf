//! One listener's turn: abort, filter, runs, the call, and the time it may take.

use crate::dispatch::{Ground, Tally};
use crate::invocation::Call;
use soiree_core::panic::{caught, contained};
use soiree_core::registry::{Claim, Snapshot};
use soiree_core::{BoxError, Event, PanicPayload, Timer, TimerId};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a listener's turn came to.
pub(crate) enum Step {
    Aborted,
    Skipped,
    HandOver,
    Called(Result<(), BoxError>),
    Panicked(PanicPayload),
    /// Its time ran out, and this turn is to say so. If it has returned since, that is what with.
    RanOut(Duration, Option<Box<Step>>),
    /// Its time ran out before it returned this, and somebody else has said so.
    Overtaken(Verdict, Box<Step>),
}

/// How a listener has returned whose time was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    InTime,
    /// Too late, but before anybody else has called the next ones, which is now up to whoever called this one.
    GoOn,
    /// Too late: what comes next is somebody else's.
    Stop,
}

/// What a listener's turn is part of.
#[derive(Clone, Copy)]
pub(crate) struct Within<'a> {
    /// The state of the registry that its emission reads, if listeners come after it.
    pub(crate) snapshot: Option<&'a Arc<Snapshot>>,
    /// What came of those before it.
    pub(crate) before: &'a Tally,
    /// Set if this is the last of its runs.
    pub(crate) last: &'a Cell<bool>,
}

/// What ends a call in time, or finds that its time has run out.
pub(crate) enum Watched {
    /// Whoever calls looks at the clock afterwards.
    Measured(Option<Arc<dyn Timer>>, Instant),
    /// Somebody else is told when the time runs out.
    Alarmed(Arc<dyn Alarm>, Arc<dyn Timer>, TimerId),
}

/// Goes off when the time runs out.
pub(crate) trait Alarm: Send + Sync {
    /// The listener has returned.
    fn returned(self: Arc<Self>) -> Verdict;
}

pub(crate) fn caught_step(run: impl FnOnce() -> Step) -> Step {
    caught(run).unwrap_or_else(Step::Panicked)
}

/// Calls the listener, if this event is for it.
pub(crate) fn take(call: &Call<'_>, within: Within<'_>, ground: &mut dyn Ground) -> Step {
    match hold_back(call, within.last) {
        Some(step) => step,
        None => run(call, call.event, within, ground),
    }
}

/// Why a listener is not to be called now; if it is, that is one of its runs.
pub(crate) fn hold_back(call: &Call<'_>, last: &Cell<bool>) -> Option<Step> {
    let &Call { entry, event, .. } = call;
    if event.is_aborted() {
        return Some(Step::Aborted);
    }
    if entry.filter().is_some_and(|filter| !filter(event)) {
        return Some(Step::Skipped);
    }
    match entry.claim() {
        Claim::Exhausted => return Some(Step::Skipped),
        Claim::CallLast => last.set(true),
        Claim::Call => {}
    }
    None
}

/// Calls the listener with the event as it is to see it.
pub(crate) fn run(
    call: &Call<'_>,
    seen: &dyn Event,
    within: Within<'_>,
    ground: &mut dyn Ground,
) -> Step {
    match call.entry.timeout() {
        None => Step::Called(call.run(seen)),
        Some(limit) => run_within(limit, call, seen, within, ground),
    }
}

#[inline(never)]
fn run_within(
    limit: Duration,
    call: &Call<'_>,
    seen: &dyn Event,
    within: Within<'_>,
    ground: &mut dyn Ground,
) -> Step {
    let watched = ground.watch(call, within, limit);
    let step = caught_step(|| Step::Called(call.run(seen)));
    match watched {
        Watched::Measured(timer, begun) => {
            if now(timer.as_ref()).saturating_duration_since(begun) < limit {
                return step;
            }
            Step::RanOut(limit, Some(Box::new(step)))
        }
        Watched::Alarmed(alarm, timer, id) => match alarm.returned() {
            Verdict::InTime => {
                contained(|| _ = timer.cancel(id));
                step
            }
            verdict => Step::Overtaken(verdict, Box::new(step)),
        },
    }
}

impl Watched {
    pub(crate) fn measured(timer: Option<&Arc<dyn Timer>>) -> Self {
        Self::Measured(timer.cloned(), now(timer))
    }
}

fn now(timer: Option<&Arc<dyn Timer>>) -> Instant {
    timer.map_or_else(Instant::now, |timer| timer.now())
}
