//! Notifying observers of an emission.

use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::{
    EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, Event, Interest, Rejection,
};

use super::in_flight::{InFlight, with_event};
use super::report::Report;
use super::state::{EmissionState, Origin};
use crate::context::enter_frame;
use crate::dispatch::Counts;
use crate::settings::Handlers;
use crate::trace;

/// Calls `act` with the name of the pool that an emission runs on; `None` if it runs on the emitting thread.
fn with_pool_name<R>(state: &EmissionState, act: impl FnOnce(Option<&str>) -> R) -> R {
    if state.origin == Origin::EmitSync {
        return act(None);
    }
    act(Some(&state.pool_ref().name))
}

/// Starts the span. To be called before the emission goes to its pool.
pub(crate) fn trace_started(emission: &Arc<dyn InFlight>) {
    if !trace::is_possible() {
        return;
    }
    let state = emission.state();
    // The event and the subscriber are user code.
    let _entered = enter_frame(state.frame_here());
    with_pool_name(state, |pool| {
        let event_id = || with_event(emission, |event| event.known_id());
        state.span.start(state.topic(), pool, event_id);
    });
}

/// To be called before the emission goes to its pool.
#[inline]
pub(crate) fn in_flight_started(emission: &Arc<dyn InFlight>) {
    let state = emission.state();
    if state.settings.handlers.observers.want(Interest::EMISSIONS) {
        observe_started(emission, state);
    }
}

#[cold]
fn observe_started(emission: &Arc<dyn InFlight>, state: &EmissionState) {
    let handlers = &state.settings.handlers;
    let _entered = enter_frame(state.frame_here());
    contained(|| {
        with_event(emission, |event| {
            with_pool_name(state, |pool| {
                notify_started(event, state.topic(), pool, handlers)
            });
        });
    });
}

/// To be called when its pool has accepted the emission. It may have ended by then.
#[inline]
pub(crate) fn in_flight_accepted(state: &EmissionState) {
    if state.settings.handlers.observers.want(Interest::EMISSIONS) {
        observe_accepted(state);
    }
}

#[cold]
fn observe_accepted(state: &EmissionState) {
    let handlers = &state.settings.handlers;
    let _entered = enter_frame(state.frame_here());
    with_pool_name(state, |pool| notify_accepted(state.topic(), pool, handlers));
}

pub(super) fn in_flight_ended(emission: &Arc<dyn InFlight>, counts: Counts, discarded: bool) {
    let state = emission.state();
    let handlers = &state.settings.handlers;
    contained(|| {
        with_event(emission, |event| {
            with_pool_name(state, |pool| {
                let mut ended = EmissionEnded::new(state.topic(), event, pool);
                ended.discarded = discarded;
                notify_ended(ended, counts, state.error_count(), handlers);
            });
        });
    });
}

/// Records that the emission was rejected, and notifies observers; `end` ends the emission in between.
pub(crate) fn in_flight_rejected(
    emission: &Arc<dyn InFlight>,
    why: Rejection<'_>,
    end: impl FnOnce(),
) {
    let state = emission.state();
    state.set_rejected();
    let entered = state.span.enter();
    trace::rejected(state.topic(), why);
    drop(entered);
    end();
    let rejected = EmissionRejected::new(state.topic(), why);
    let observers = &state.settings.handlers.observers;
    observers.notify(|observer| observer.emission_rejected(&rejected));
}

#[inline]
pub(crate) fn notify_started(
    event: &dyn Event,
    topic: &str,
    pool: Option<&str>,
    handlers: &Handlers,
) {
    if !handlers.observers.want(Interest::EMISSIONS) {
        return;
    }
    let started = EmissionStarted::new(topic, event, pool);
    handlers
        .observers
        .notify_of(Interest::EMISSIONS, |observer| {
            observer.emission_started(&started)
        });
}

#[inline]
pub(crate) fn notify_accepted(topic: &str, pool: Option<&str>, handlers: &Handlers) {
    if !handlers.observers.want(Interest::EMISSIONS) {
        return;
    }
    let accepted = EmissionAccepted::new(topic, pool);
    handlers
        .observers
        .notify_of(Interest::EMISSIONS, |observer| {
            observer.emission_accepted(&accepted)
        });
}

/// Notifies of the end of an emission on the emitting thread, with the numbers of its report.
#[inline(never)]
pub(crate) fn notify_reported(
    topic: &str,
    event: &dyn Event,
    report: &Report,
    handlers: &Handlers,
) {
    if !handlers.observers.want(Interest::EMISSIONS) {
        return;
    }
    let mut ended = EmissionEnded::new(topic, event, None);
    ended.delivered = report.delivered();
    ended.failed = report.failed();
    ended.timed_out = report.timed_out();
    ended.not_called = report.not_called();
    ended.retried = report.retried();
    ended.errors = report.errors().len() as u64 + report.omitted_errors();
    ended.aborted = report.is_aborted();
    handlers
        .observers
        .notify_of(Interest::EMISSIONS, |observer| {
            observer.emission_ended(&ended)
        });
}

/// Adds the numbers of the report to a notification, and sends it.
fn notify_ended(mut ended: EmissionEnded<'_>, counts: Counts, errors: u64, handlers: &Handlers) {
    if !handlers.observers.want(Interest::EMISSIONS) {
        return;
    }
    ended.delivered = counts.delivered;
    ended.failed = counts.failed;
    ended.timed_out = counts.timed_out;
    ended.not_called = counts.not_called;
    ended.retried = counts.retried;
    ended.errors = errors;
    ended.aborted = counts.aborted;
    handlers
        .observers
        .notify_of(Interest::EMISSIONS, |observer| {
            observer.emission_ended(&ended)
        });
}
