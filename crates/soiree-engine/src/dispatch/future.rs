//! Calling listeners that are futures: their beginnings and their ends.

use std::cell::Cell;
use std::sync::Arc;

use super::{Ground, Tally, bury, caught, handled, tell};
use crate::invocation::{Call, Step, hold_back};
use crate::settings::Handlers;
use soiree_core::panic::contained;
use soiree_core::{BoxError, Event, ListenerEnd, ListenerFuture, PanicPayload, Registry};

/// Calls a listener that is a future; or says what came of it already.
pub(crate) fn begin(
    registry: &Registry,
    call: &Call<'_>,
    event: &Arc<dyn Event>,
    handlers: &Handlers,
    ground: &mut dyn Ground,
) -> Result<ListenerFuture, Tally> {
    let last = Cell::new(false);
    let mut future = None;
    let step = caught(|| {
        // A further attempt is the same run.
        let held_back = match call.attempt {
            1 => hold_back(call, &last),
            _ => None,
        };
        held_back.unwrap_or_else(|| {
            future = call.start(event);
            Step::Called(Ok(()))
        })
    });
    let begun = match (future, step) {
        (Some(future), Ok(_)) => Ok(future),
        (_, step) => Err(told(call, handlers, step, ground)),
    };
    if last.get() {
        registry.remove_exhausted(call.entry);
    }
    begun
}

/// Tells how a listener ended that was a future.
pub(crate) fn finish(
    call: &Call<'_>,
    handlers: &Handlers,
    ended: Result<Result<(), BoxError>, PanicPayload>,
    ground: &mut dyn Ground,
) -> Tally {
    told(call, handlers, ended.map(Step::Called), ground)
}

fn told(
    call: &Call<'_>,
    handlers: &Handlers,
    step: Result<Step, PanicPayload>,
    ground: &mut dyn Ground,
) -> Tally {
    let mut tally = Tally::default();
    let step = step.unwrap_or_else(Step::Panicked);
    tell(call, handlers, step, &mut tally, ground);
    contained(|| tally.aborted |= call.event.is_aborted());
    tally
}

/// Tells of a listener that was a future, and was dropped before its end.
pub(crate) fn cut_short(call: &Call<'_>, handlers: &Handlers, ground: &mut dyn Ground) -> Tally {
    let error = call.entry.cancelled(call.topic);
    call.ended(ListenerEnd::Cancelled(&error));
    if let Some(error) = handled(call.event, handlers, error) {
        if call.entry.retry().is_some() {
            bury(call.event, handlers, &error, call.attempt);
        }
        contained(|| ground.keep(error));
    }
    Tally {
        delivered: 1,
        failed: 1,
        ..Tally::default()
    }
}
