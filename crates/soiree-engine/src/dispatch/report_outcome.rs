//! Reporting the outcome of a call to observers and handlers.

use std::time::Duration;

use soiree_core::panic::contained;
use soiree_core::{
    DeadLetter, Event, ListenerEnd, ListenerError, ListenerErrorKind, PanicPayload, Payload,
    UnheardEvent, take_reply,
};

use super::counts::Counts;
use crate::invocation::{AfterTimeout, Call, CallOutcome};
use crate::settings::Handlers;

/// What has to follow after a call that failed.
pub(crate) enum FollowUp {
    /// The report keeps the error.
    Keep(ListenerError),
    /// The listener has replied.
    Reply(Payload),
    /// The listener is to be called again. If that cannot be scheduled, the attempt was [the last](FailedAttempt::give_up).
    Retry(FailedAttempt),
}

/// What the report of an emission keeps of a call.
pub(crate) enum Kept {
    Error(ListenerError),
    Reply(Payload),
}

impl FollowUp {
    /// Schedules the retry, if there is to be one. Returns what the report keeps, if there is none or `schedule` returns `false`.
    pub(crate) fn schedule_or_keep(
        self,
        event: &dyn Event,
        handlers: &Handlers,
        counts: &mut Counts,
        schedule: impl FnOnce(&FailedAttempt) -> bool,
    ) -> Option<Kept> {
        let failed = match self {
            Self::Keep(error) => return Some(Kept::Error(error)),
            Self::Reply(reply) => return Some(Kept::Reply(reply)),
            Self::Retry(failed) => failed,
        };
        let mut is_scheduled = false;
        contained(|| is_scheduled = schedule(&failed));
        if is_scheduled {
            return None;
        }
        Some(Kept::Error(failed.give_up(event, handlers, counts)))
    }
}

/// An attempt that failed, with a further one to come.
pub(crate) struct FailedAttempt {
    pub(crate) attempt: u32,
    pub(crate) error: ListenerError,
    pub(crate) delay: Duration,
    pub(crate) timed_out: bool,
}

/// Notifies observers and the handler of unheard events if the emission called no listener.
pub(crate) fn notify_if_unheard(
    counts: Counts,
    topic: &str,
    event: &dyn Event,
    handlers: &Handlers,
) {
    if counts.delivered + counts.not_called > 0 || counts.aborted {
        return;
    }
    if !handlers.observers.is_empty() {
        let unheard = UnheardEvent::new(topic, event);
        let observers = &handlers.observers;
        observers.notify(|observer| observer.unheard_event(&unheard));
    }
    if let Some(handler) = &handlers.unheard_event {
        contained(|| handler(event));
    }
}

/// Reports the outcome of a call, and counts it. This is the one place that knows every outcome.
pub(crate) fn report(
    call: &Call<'_>,
    handlers: &Handlers,
    outcome: CallOutcome,
    counts: &mut Counts,
) -> Option<FollowUp> {
    let &Call {
        registration,
        topic,
        event,
        attempt,
        ..
    } = call;
    let mut timed_out = false;
    let mut late = None;
    let error = match outcome {
        CallOutcome::Aborted => {
            counts.aborted = true;
            return None;
        }
        CallOutcome::Skipped => return None,
        CallOutcome::Returned(Ok(())) => {
            call.ended(ListenerEnd::Succeeded);
            counts.delivered += 1;
            return None;
        }
        CallOutcome::Returned(Err(error)) => {
            let error = match take_reply(error) {
                Ok(reply) => {
                    call.ended(ListenerEnd::Succeeded);
                    counts.delivered += 1;
                    return Some(FollowUp::Reply(reply));
                }
                Err(error) => registration.failed(topic, error),
            };
            call.ended(ListenerEnd::Failed(&error));
            error
        }
        CallOutcome::Panicked(payload) => {
            let error = registration.panicked(topic, &payload);
            call.ended(ListenerEnd::Panicked(&error));
            notify_panic(call, handlers, &payload);
            error
        }
        CallOutcome::TimedOut(limit, returned) => {
            (timed_out, late) = (true, returned);
            let error = registration.timed_out(topic, limit);
            call.ended(ListenerEnd::TimedOut(&error));
            error
        }
        CallOutcome::Superseded(next, returned) => {
            *counts = Counts {
                superseded: next == AfterTimeout::AnotherThread,
                ..Counts::default()
            };
            report_late(call, handlers, *returned);
            return None;
        }
    };
    // Whether there is a retry depends on the listener's own error, not on what the handler makes of it.
    let retry = registration.retry().map(|retry| (retry, error.clone()));
    let kept = handle_error(event, handlers, error);
    if let Some(returned) = late {
        report_late(call, handlers, *returned);
    }
    if let (Some(error), Some((retry, failed))) = (&kept, &retry) {
        if let Some(delay) = retry.next_delay(attempt, failed) {
            return Some(FollowUp::Retry(FailedAttempt {
                attempt,
                error: error.clone(),
                delay,
                timed_out,
            }));
        }
        report_dead_letter(event, handlers, error, attempt);
    }
    count_failed(counts, timed_out);
    kept.map(FollowUp::Keep)
}

fn count_failed(counts: &mut Counts, timed_out: bool) {
    counts.delivered += 1;
    counts.failed += 1;
    counts.timed_out += u64::from(timed_out);
}

impl FailedAttempt {
    /// There is no further attempt. Returns the error, for the report to keep.
    #[cold]
    fn give_up(self, event: &dyn Event, handlers: &Handlers, counts: &mut Counts) -> ListenerError {
        report_dead_letter(event, handlers, &self.error, self.attempt);
        count_failed(counts, self.timed_out);
        self.error
    }
}

/// Reports an event that a listener has failed to handle in all its attempts, unless the event carries such a report itself.
#[cold]
pub(crate) fn report_dead_letter(
    event: &dyn Event,
    handlers: &Handlers,
    error: &ListenerError,
    attempts: u32,
) {
    let (handler, observers) = (&handlers.dead_letter, &handlers.observers);
    if handler.is_none() && observers.is_empty() {
        return;
    }
    contained(|| {
        let payload = event.payload();
        if payload.is::<DeadLetter>() {
            return;
        }
        let letter = DeadLetter::new(event.id(), payload, error.clone(), attempts)
            .with_properties(event.properties());
        observers.notify(|observer| observer.dead_letter(&letter));
        if let Some(handler) = handler {
            handler(&letter);
        }
    });
}

/// Calls the handlers for a failure of a listener that had timed out before. Everybody else has been notified of the timeout.
#[cold]
fn report_late(call: &Call<'_>, handlers: &Handlers, returned: CallOutcome) {
    let (registration, topic) = (call.registration, call.topic);
    let error = match returned {
        CallOutcome::Returned(Err(error)) => match take_reply(error) {
            // It is too late.
            Ok(reply) => return drop(reply),
            Err(error) => registration.failed(topic, error),
        },
        CallOutcome::Panicked(payload) => {
            notify_panic(call, handlers, &payload);
            registration.panicked(topic, &payload)
        }
        _ => return,
    };
    contained(|| {
        if let Some(error) = handle_error(call.event, handlers, error) {
            // No report keeps it.
            handlers.print_if_unhandled(&error);
        }
    });
}

#[cold]
fn notify_panic(call: &Call<'_>, handlers: &Handlers, payload: &PanicPayload) {
    let observers = &handlers.observers;
    if handlers.panic.is_none() && observers.is_empty() {
        return;
    }
    let panic = call.registration.panic(call.topic, payload);
    observers.notify(|observer| observer.listener_panicked(&panic));
    if let Some(handler) = &handlers.panic {
        contained(|| handler(&panic));
    }
}

/// Reports a listener that is not called. Returns the error that the report keeps.
pub(crate) fn report_not_called(
    call: &Call<'_>,
    handlers: &Handlers,
    error: ListenerError,
) -> Option<ListenerError> {
    call.ended(match error.kind() {
        ListenerErrorKind::Rejected => ListenerEnd::Rejected(&error),
        _ => ListenerEnd::Discarded(&error),
    });
    handle_error(call.event, handlers, error)
}

/// Passes an error to the error handler. Returns the error that the report keeps.
#[cold]
pub(crate) fn handle_error(
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
