//! Starting and ending calls of async listeners.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::panic::{caught, contained};
use soiree_core::{
    BoxError, Event, ListenerEnd, ListenerError, ListenerFuture, PanicPayload, Registry,
};

use super::counts::Counts;
use super::report_outcome::{FollowUp, handle_error, report, report_dead_letter};
use crate::invocation::{Call, CallOutcome, precheck};
use crate::settings::Handlers;

/// A call of an async listener that has started, or has ended at once.
pub(crate) enum StartedCall {
    Running(ListenerFuture),
    Ended(EndedCall),
}

/// The result of a call of an async listener.
pub(crate) struct EndedCall {
    pub(crate) counts: Counts,
    pub(crate) follow_up: Option<FollowUp>,
    /// The listener has had all its runs, and is to be removed.
    pub(crate) is_exhausted: bool,
}

/// Calls an async listener, which returns a future if it is called at all.
pub(crate) fn start(
    registry: &Registry,
    call: &Call<'_>,
    event: &Arc<dyn Event>,
    handlers: &Handlers,
) -> StartedCall {
    let last = Cell::new(false);
    let mut future = None;
    let outcome = caught(|| {
        // A retry is not checked again: it belongs to the same run.
        let held_back = match call.attempt {
            1 => precheck(call, &last),
            _ => None,
        };
        held_back.unwrap_or_else(|| {
            future = call.invoke_async(event);
            CallOutcome::Returned(Ok(()))
        })
    });
    match (future, outcome) {
        (Some(future), Ok(_)) => {
            if last.get() {
                registry.remove_exhausted(call.registration);
            }
            StartedCall::Running(future)
        }
        (_, outcome) => StartedCall::Ended(EndedCall {
            is_exhausted: last.get(),
            ..ended(call, handlers, outcome)
        }),
    }
}

/// Reports how the future of a listener ended.
pub(crate) fn finish(
    call: &Call<'_>,
    handlers: &Handlers,
    result: Result<Result<(), BoxError>, PanicPayload>,
) -> EndedCall {
    ended(call, handlers, result.map(CallOutcome::Returned))
}

/// Reports that the time of a listener has run out, and that its future was dropped. It may have ended since, with this result.
pub(crate) fn time_out(
    call: &Call<'_>,
    handlers: &Handlers,
    limit: Duration,
    late: Option<Result<Result<(), BoxError>, PanicPayload>>,
) -> EndedCall {
    let late = late.map(|result| {
        let outcome = result.map(CallOutcome::Returned);
        Box::new(outcome.unwrap_or_else(CallOutcome::Panicked))
    });
    ended(call, handlers, Ok(CallOutcome::TimedOut(limit, late)))
}

fn ended(
    call: &Call<'_>,
    handlers: &Handlers,
    outcome: Result<CallOutcome, PanicPayload>,
) -> EndedCall {
    let mut counts = Counts::default();
    let outcome = outcome.unwrap_or_else(CallOutcome::Panicked);
    let follow_up = report(call, handlers, outcome, &mut counts);
    contained(|| counts.aborted |= call.event.is_aborted());
    EndedCall {
        counts,
        follow_up,
        is_exhausted: false,
    }
}

/// Reports that the future of a listener was dropped before its end.
pub(crate) fn cancel(call: &Call<'_>, handlers: &Handlers) -> EndedCall {
    let error = call.registration.cancelled(call.topic);
    call.ended(ListenerEnd::Cancelled(&error));
    let kept = handle_error(call.event, handlers, error);
    let keep = |error: ListenerError| {
        if call.registration.retry().is_some() {
            report_dead_letter(call.event, handlers, &error, call.attempt);
        }
        FollowUp::Keep(error)
    };
    EndedCall {
        counts: Counts::one_failed(),
        follow_up: kept.map(keep),
        is_exhausted: false,
    }
}
