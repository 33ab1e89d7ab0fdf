//! Telling what came of listeners.

use super::{Failed, Ground, Tally};
use crate::invocation::{Call, Step, Verdict};
use crate::settings::Handlers;
use soiree_core::panic::contained;
use soiree_core::{DeadEvent, DeadLetter, Event, ListenerEnd, ListenerError, PanicPayload};

/// Tells the dead event handler, if the emission has called nobody.
pub(crate) fn tell_if_dead(tally: Tally, topic: &str, event: &dyn Event, handlers: &Handlers) {
    if tally.delivered + tally.not_called > 0 || tally.aborted {
        return;
    }
    if !handlers.observers.is_empty() {
        let dead = DeadEvent::new(topic, event);
        let observers = &handlers.observers;
        observers.notify(|observer| observer.dead_event(&dead));
    }
    if let Some(handler) = &handlers.dead_event {
        contained(|| handler(event));
    }
}

/// The one place that tells of all that a turn can come to.
pub(crate) fn tell(
    call: &Call<'_>,
    handlers: &Handlers,
    step: Step,
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
    let mut timed_out = false;
    let mut late = None;
    let error = match step {
        Step::Aborted => {
            tally.aborted = true;
            return;
        }
        Step::Skipped | Step::HandOver => return,
        Step::Called(Ok(())) => {
            call.ended(ListenerEnd::Succeeded);
            tally.delivered += 1;
            return;
        }
        Step::Called(Err(error)) => {
            let error = entry.failed(topic, error);
            call.ended(ListenerEnd::Failed(&error));
            error
        }
        Step::Panicked(payload) => {
            let error = entry.panicked(topic, &payload);
            call.ended(ListenerEnd::Panicked(&error));
            tell_panic(call, handlers, &payload);
            error
        }
        Step::RanOut(limit, returned) => {
            (timed_out, late) = (true, returned);
            let error = entry.timed_out(topic, limit);
            call.ended(ListenerEnd::TimedOut(&error));
            error
        }
        Step::Overtaken(verdict, returned) => {
            *tally = Tally {
                overtaken: verdict == Verdict::Stop,
                ..Tally::default()
            };
            tell_late(call, handlers, *returned);
            return;
        }
    };
    let kept = handled(event, handlers, error);
    if let Some(returned) = late {
        tell_late(call, handlers, *returned);
    }
    if let (Some(error), Some(retry)) = (&kept, entry.retry()) {
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
    tally.timed_out += u64::from(timed_out);
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
        let letter = DeadLetter::new(event.id(), payload, error.clone(), attempts);
        observers.notify(|observer| observer.dead_letter(&letter));
        if let Some(handler) = handler {
            handler(&letter);
        }
    });
}

/// Tells the handlers how a listener has failed whose time had run out before. All others know that it did.
#[cold]
fn tell_late(call: &Call<'_>, handlers: &Handlers, returned: Step) {
    let (entry, topic) = (call.entry, call.topic);
    let error = match returned {
        Step::Called(Err(error)) => entry.failed(topic, error),
        Step::Panicked(payload) => {
            tell_panic(call, handlers, &payload);
            entry.panicked(topic, &payload)
        }
        _ => return,
    };
    contained(|| drop(handled(call.event, handlers, error)));
}

#[cold]
fn tell_panic(call: &Call<'_>, handlers: &Handlers, payload: &PanicPayload) {
    let observers = &handlers.observers;
    if handlers.panic.is_none() && observers.is_empty() {
        return;
    }
    let panic = call.entry.panic(call.topic, payload);
    observers.notify(|observer| observer.listener_panicked(&panic));
    if let Some(handler) = &handlers.panic {
        contained(|| handler(&panic));
    }
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
