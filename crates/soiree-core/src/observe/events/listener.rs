//! Calls of listeners.

use std::panic::Location;
use std::time::Duration;

use super::macros::{constructors, debug_without_event};
use crate::event::Event;
use crate::listener::{ListenerError, ListenerId};
use crate::priority::Priority;

/// A subscribed listener.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ListenerRef<'a> {
    /// The pattern that the listener is subscribed to.
    pub pattern: &'a str,
    /// The listener's ID.
    pub id: &'a ListenerId,
    /// The name from its options, if any.
    pub name: Option<&'a str>,
    /// The priority from its options.
    pub priority: Priority,
    /// The bulkhead that its options name, if any.
    pub pool: Option<&'a str>,
    /// The place in the source that subscribed the listener, if known.
    pub registered_at: Option<&'static Location<'static>>,
}

/// A listener is about to be called.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ListenerStarted<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The listener.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt. The first attempt is 1.
    pub attempt: u32,
}

/// The call of a listener has ended, or will not take place.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ListenerEnded<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The listener.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt. The first attempt is 1.
    pub attempt: u32,
    /// How the call ended.
    pub outcome: ListenerEnd<'a>,
    /// How long the listener ran. `None` if it was not called, if its filter panicked, or if no observer is interested in all calls of
    /// [listeners](crate::Interest::LISTENERS).
    pub run_time: Option<Duration>,
}

/// How the call of a listener ended.
///
/// `Failed` holds the error that the listener returned, before the error handler could replace it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum ListenerEnd<'a> {
    /// The listener returned without an error.
    Succeeded,
    /// The listener returned an error.
    Failed(&'a ListenerError),
    /// The listener or its filter panicked.
    Panicked(&'a ListenerError),
    /// The listener's timeout has passed. It may still run. Observers are not notified of its result, except of a panic.
    TimedOut(&'a ListenerError),
    /// The listener was not called: its own pool rejected it, or too many of its calls wait for their turn.
    Rejected(&'a ListenerError),
    /// The listener was not called: its own pool dropped it, or a close gave up its call, which waited for its turn.
    Discarded(&'a ListenerError),
    /// An [async listener](crate::AsyncListener) was dropped before it ended.
    Cancelled(&'a ListenerError),
}

/// A listener failed and will be retried.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RetryScheduled<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The listener.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt that failed. The first attempt is 1.
    pub attempt: u32,
    /// The listener's error, as the error handler returned it.
    pub error: &'a ListenerError,
    /// The time until the next attempt is due.
    pub delay: Duration,
}

/// A listener has run for longer than it should.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SlowListener<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The listener.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt. The first attempt is 1.
    pub attempt: u32,
    /// How long the listener may run before it counts as slow.
    pub threshold: Duration,
    /// How long the listener has run.
    pub running_for: Duration,
    /// Whether the listener has ended. `false` while it still runs.
    pub ended: bool,
}

debug_without_event! {
    ListenerStarted { topic, listener, attempt }
    ListenerEnded { topic, listener, attempt, outcome, run_time }
    RetryScheduled { topic, listener, attempt, error, delay }
}

constructors! {
    ListenerStarted { topic: &'a str, event: &'a dyn Event, listener: ListenerRef<'a>, attempt: u32 }
    ListenerEnded {
        topic: &'a str,
        event: &'a dyn Event,
        listener: ListenerRef<'a>,
        attempt: u32,
        outcome: ListenerEnd<'a>,
        run_time: Option<Duration>
    }
    RetryScheduled {
        topic: &'a str,
        event: &'a dyn Event,
        listener: ListenerRef<'a>,
        attempt: u32,
        error: &'a ListenerError,
        delay: Duration
    }
    SlowListener {
        topic: &'a str,
        listener: ListenerRef<'a>,
        attempt: u32,
        threshold: Duration,
        running_for: Duration,
        ended: bool
    }
}
