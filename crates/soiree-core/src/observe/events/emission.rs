//! Emissions.

use std::fmt;

use super::macros::{constructors, debug_without_event};
use crate::event::Event;
use crate::rejection::SubmitErrorReason;
use crate::topic::{InvalidTopic, Pattern};

/// An emission is about to go to its pool, or to call its listeners on the emitting thread.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EmissionStarted<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The name of the pool. `None` if the emitting thread calls the listeners.
    pub pool: Option<&'a str>,
}

/// An emission was accepted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EmissionAccepted<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The name of the pool. `None` if the emitting thread calls the listeners.
    pub pool: Option<&'a str>,
}

/// An emission was rejected. No listener is called, and the emitting caller gets an error.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EmissionRejected<'a> {
    /// The topic as the caller passed it. It may be malformed.
    pub topic: &'a str,
    /// Why the emission was rejected.
    pub reason: Rejection<'a>,
}

/// Why an emission was rejected.
///
/// An emission has [started](crate::Observer::emission_started) before if a pool or an order rejects it, or if it has waited for a
/// place in async code.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Rejection<'a> {
    /// The topic is malformed. The emission had not started.
    InvalidTopic(&'a InvalidTopic),
    /// The `EventPool` is closed or closing. The emission had not started, unless it waited for a place in async code.
    #[doc(alias = "ErrEmitterClosed")]
    Closed,
    /// The topic is reserved by an outbox, and the event was not emitted through it. The emission had not started.
    Reserved,
    /// The future of an `emit_async` was dropped while it waited for a place. The emission had started.
    Cancelled,
    /// It is an `emit_sync` inside as many others as are permitted on one thread. The emission had not started.
    RecursionLimit {
        /// How many others.
        depth: usize,
    },
    /// The pool rejected the emission, which had started.
    Pool {
        /// The name of the pool.
        pool: &'a str,
        /// Why the pool rejected it.
        reason: &'a SubmitErrorReason,
    },
    /// An order by key rejected the emission, which had started.
    Order(OrderRejection<'a>),
}

/// Why an order by key rejected an emission.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
#[expect(
    clippy::enum_variant_names,
    reason = "the variants of the emitter's error have the same names"
)]
pub enum OrderRejection<'a> {
    /// As many events as permitted already wait for earlier events of their keys.
    KeyQueueFull {
        /// The pattern of the order.
        pattern: &'a Pattern,
        /// How many events may wait.
        capacity: usize,
    },
    /// The emission came from a listener, which must not wait, and earlier events of the key have not ended.
    KeyBusy {
        /// The pattern of the order.
        pattern: &'a Pattern,
    },
    /// The key function panicked.
    KeyPanicked {
        /// The pattern of the order.
        pattern: &'a Pattern,
        /// The panic's message.
        message: &'a str,
    },
}

impl<'a> OrderRejection<'a> {
    /// The pattern of the order.
    pub fn pattern(&self) -> &'a Pattern {
        match *self {
            Self::KeyQueueFull { pattern, .. }
            | Self::KeyBusy { pattern }
            | Self::KeyPanicked { pattern, .. } => pattern,
        }
    }
}

impl fmt::Display for OrderRejection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyQueueFull { capacity, .. } => {
                write!(
                    f,
                    "{capacity} events already wait for earlier events of their keys"
                )
            }
            Self::KeyBusy { .. } => f.write_str("earlier events of the key have not ended"),
            Self::KeyPanicked { message, .. } => write!(f, "the key function panicked: {message}"),
        }
    }
}

/// An emission has ended. The numbers are those of its `Report`.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EmissionEnded<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The name of the pool. `None` if the emitting thread called the listeners.
    pub pool: Option<&'a str>,
    /// Listeners that were called.
    pub delivered: u64,
    /// Called listeners that returned an error, panicked or timed out.
    pub failed: u64,
    /// Listeners among `failed` that had not returned within their timeout at their last attempt.
    pub timed_out: u64,
    /// Listeners that were not called, because their own pool rejected or dropped the call.
    pub not_called: u64,
    /// Attempts after the first one, over all listeners.
    pub retried: u64,
    /// Errors that the error handler did not swallow: those that the report keeps, and those that it only counts.
    pub errors: u64,
    /// Whether the event was aborted.
    pub aborted: bool,
    /// Whether the pool dropped the emission before it ran.
    pub discarded: bool,
}

impl<'a> EmissionEnded<'a> {
    /// An emission that called no listener. Set the numbers as fields. For emitters, and for tests of observers.
    #[inline]
    pub const fn new(topic: &'a str, event: &'a dyn Event, pool: Option<&'a str>) -> Self {
        Self {
            topic,
            event,
            pool,
            delivered: 0,
            failed: 0,
            timed_out: 0,
            not_called: 0,
            retried: 0,
            errors: 0,
            aborted: false,
            discarded: false,
        }
    }
}

/// An event that no listener was called for, and that was not aborted. Nothing has failed: what a listener has given up is a
/// [`DeadLetter`](crate::DeadLetter).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct UnheardEvent<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
}

debug_without_event! {
    EmissionStarted { topic, pool }
    EmissionEnded {
        topic, pool, delivered, failed, timed_out, not_called, retried, errors, aborted, discarded
    }
    UnheardEvent { topic }
}

constructors! {
    EmissionStarted { topic: &'a str, event: &'a dyn Event, pool: Option<&'a str> }
    EmissionAccepted { topic: &'a str, pool: Option<&'a str> }
    EmissionRejected { topic: &'a str, reason: Rejection<'a> }
    UnheardEvent { topic: &'a str, event: &'a dyn Event }
}
