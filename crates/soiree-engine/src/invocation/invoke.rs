//! Calling a listener: abort, filter, runs, and the time it may take.

use std::cell::Cell;

use soiree_core::registry::Claim;
use soiree_core::{BoxError, Event};

use super::call::Call;
use super::outcome::CallOutcome;
use super::time_limit::TimeLimit;

/// Decides whether the listener is called for this event. If so, returns `None`, and that is one of its runs; `last` is set if it is the
/// last one.
pub(crate) fn precheck(call: &Call<'_>, last: &Cell<bool>) -> Option<CallOutcome> {
    let &Call {
        registration,
        event,
        ..
    } = call;
    if event.is_aborted() {
        return Some(CallOutcome::Aborted);
    }
    if registration.filter().is_some_and(|filter| !filter(event)) {
        return Some(CallOutcome::Skipped);
    }
    match registration.claim() {
        Claim::Exhausted => return Some(CallOutcome::Skipped),
        Claim::CallLast => last.set(true),
        Claim::Call => {}
    }
    None
}

/// Calls the listener with the event as it is to see it, within its time limit.
pub(crate) fn invoke(
    call: &Call<'_>,
    seen: &dyn Event,
    limit: Option<TimeLimit<'_>>,
) -> CallOutcome {
    match limit {
        None => CallOutcome::Returned(call.invoke(seen)),
        Some(limit) => invoke_within(limit, call, seen),
    }
}

#[inline(never)]
fn invoke_within(limit: TimeLimit<'_>, call: &Call<'_>, seen: &dyn Event) -> CallOutcome {
    call_within(limit, || call.invoke(seen))
}

/// Calls a listener within a time limit that has started.
#[inline]
pub(crate) fn call_within(
    limit: TimeLimit<'_>,
    call: impl FnOnce() -> Result<(), BoxError>,
) -> CallOutcome {
    limit.apply(CallOutcome::caught(|| CallOutcome::Returned(call())))
}
