//! What observers are told.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::event::Event;
use crate::listener::{ListenerError, ListenerId};
use crate::priority::Priority;
use crate::rejection::SubmitErrorReason;
use crate::topic::{InvalidTopic, Pattern};

/// A subscribed listener.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ListenerRef<'a> {
    /// The pattern that it is subscribed to.
    pub pattern: &'a str,
    /// Its ID.
    pub id: &'a ListenerId,
    /// The name that it was given, if any.
    pub name: Option<&'a str>,
    /// When it is called among the listeners of an emission.
    pub priority: Priority,
    /// The bulkhead that it was told to run on, if it was.
    pub pool: Option<&'a str>,
    /// Where in the program's source it was registered, if known.
    pub registered_at: Option<&'static Location<'static>>,
}

/// An emission is about to go to its pool, or to call its listeners on this thread.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EmissionStarted<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The name of the pool; `None` if the listeners are called on the thread that emits.
    pub pool: Option<&'a str>,
}

/// An emission was accepted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EmissionAccepted<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The name of the pool; `None` if the listeners are called on the thread that emits.
    pub pool: Option<&'a str>,
}

/// An emission was not accepted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EmissionRejected<'a> {
    /// The topic as it was given. It may be malformed.
    pub topic: &'a str,
    /// Why.
    pub reason: Rejection<'a>,
}

/// Why an emission was not accepted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Rejection<'a> {
    /// Its topic is malformed. It had not begun.
    InvalidTopic(&'a InvalidTopic),
    /// The `EventPool` is closed or closing. It had not begun.
    Closed,
    /// The pool took no more. It had begun.
    Pool {
        /// The name of the pool.
        pool: &'a str,
        /// Why.
        reason: &'a SubmitErrorReason,
    },
    /// Its [order by key](crate::KeyOrder) let it in neither behind others nor at once. It had begun.
    Order(OrderRejection<'a>),
}

/// Why an order by key refused an emission.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
#[expect(
    clippy::enum_variant_names,
    reason = "the names that the emitter's error uses for the same"
)]
pub enum OrderRejection<'a> {
    /// Too many events wait behind others.
    KeyQueueFull {
        /// Whose events are ordered.
        pattern: &'a Pattern,
        /// How many may wait.
        capacity: usize,
    },
    /// A listener would have had to wait for others of the key.
    KeyBusy {
        /// Whose events are ordered.
        pattern: &'a Pattern,
    },
    /// The key function panicked.
    KeyPanicked {
        /// Whose events are ordered.
        pattern: &'a Pattern,
        /// What it panicked with.
        message: &'a str,
    },
}

impl<'a> OrderRejection<'a> {
    /// Whose events are ordered.
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
                    "{capacity} events wait behind others of their key already"
                )
            }
            Self::KeyBusy { .. } => f.write_str("others of its key are on their way"),
            Self::KeyPanicked { message, .. } => write!(f, "the key function panicked: {message}"),
        }
    }
}

/// An emission has ended. The figures are those of its [`Report`](crate::Report).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EmissionEnded<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// The name of the pool; `None` if the listeners were called on the thread that emitted.
    pub pool: Option<&'a str>,
    /// Listeners that were called.
    pub delivered: u64,
    /// Listeners among them that returned an error or panicked.
    pub failed: u64,
    /// Listeners that a pool of their own refused or dropped.
    pub not_called: u64,
    /// Further attempts of listeners that failed.
    pub retried: u64,
    /// The event was aborted.
    pub aborted: bool,
    /// The emission was dropped before it ran.
    pub discarded: bool,
}

/// A job is about to be handed to a pool.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobOffered<'a> {
    /// The name of the pool.
    pub pool: &'a str,
}

/// A pool did not take a job.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobRejected<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// Why.
    pub reason: &'a SubmitErrorReason,
}

/// A job is about to run.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobStarted<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// How long ago it was offered: the time that it was queued, and that its submitter was held back before.
    pub waited: Duration,
}

/// A job that a pool had taken has ended, run or not.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobEnded<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// How it ended.
    pub outcome: JobEnd,
    /// How long after it was offered it started, or was given up.
    pub waited: Duration,
    /// How long it ran; `None` if it did not.
    pub run_time: Option<Duration>,
}

/// How a job ended that a pool had taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobEnd {
    /// It ran to its end. The job of an emission does so even if every listener fails.
    Completed,
    /// It panicked.
    Panicked,
    /// Its deadline had passed before it could start.
    Expired,
    /// It was dropped unrun: by a stop, a missed release deadline, an overflow policy.
    Discarded,
    /// It is a [future](crate::Job::from_future), and was dropped before its end: by a missed release deadline, or with what polled
    /// it. Its pool counts it as discarded.
    Cancelled,
}

/// A listener is about to be called.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ListenerStarted<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// Which one.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt. They count from 1.
    pub attempt: u32,
}

/// What came of a listener's turn.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ListenerEnded<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// Which one.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt. They count from 1.
    pub attempt: u32,
    /// What came of it.
    pub outcome: ListenerEnd<'a>,
    /// How long it ran; `None` if it was not called, or its filter panicked.
    pub run_time: Option<Duration>,
}

/// What came of a listener's turn. Errors are as the listener returned them, before the error handler has seen them.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum ListenerEnd<'a> {
    /// It returned without an error.
    Succeeded,
    /// It returned an error.
    Failed(&'a ListenerError),
    /// It panicked, or its filter did.
    Panicked(&'a ListenerError),
    /// Its time ran out. It may still run; what it comes to is not told, a panic excepted.
    TimedOut(&'a ListenerError),
    /// It was not called: the pool that it was to run on refused it.
    Rejected(&'a ListenerError),
    /// It was not called: the pool that it was to run on dropped it.
    Discarded(&'a ListenerError),
    /// It is an [async listener](crate::AsyncListener), and was dropped before its end.
    Cancelled(&'a ListenerError),
}

/// A listener failed and will be called again.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RetryScheduled<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
    /// Which one.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt that failed.
    pub attempt: u32,
    /// Its error, as the error handler let it through.
    pub error: &'a ListenerError,
    /// How long until the next one is due.
    pub delay: Duration,
}

/// An event was neither aborted nor met a listener.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct DeadEvent<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The event.
    pub event: &'a dyn Event,
}

/// A listener has run for longer than it should.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SlowListener<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// Which one.
    pub listener: ListenerRef<'a>,
    /// The number of the attempt. They count from 1.
    pub attempt: u32,
    /// For how long it may run.
    pub threshold: Duration,
    /// For how long it has run.
    pub running_for: Duration,
    /// Whether it has ended by now; else it still runs.
    pub ended: bool,
}

/// A pool may have another number of workers.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PoolResized<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// How many it might have before.
    pub from: usize,
    /// How many it may have now.
    pub to: usize,
}

/// A listener was subscribed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SubscriptionAdded<'a> {
    /// Which one.
    pub listener: ListenerRef<'a>,
}

/// A listener was taken off.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SubscriptionRemoved<'a> {
    /// Which one.
    pub listener: ListenerRef<'a>,
    /// Why.
    pub cause: RemovalCause,
}

/// Why a listener was taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovalCause {
    /// Somebody asked for it.
    Unsubscribed,
    /// It has had all its runs.
    Exhausted,
    /// The `EventPool` was closed or dropped.
    Closed,
}

/// Without the event: a payload may be a secret, and need not be `Debug`.
macro_rules! debug_without_event {
    ($($told:ident { $($field:ident),* }),* $(,)?) => {$(
        impl fmt::Debug for $told<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($told))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_event! {
    EmissionStarted { topic, pool },
    EmissionEnded { topic, pool, delivered, failed, not_called, retried, aborted, discarded },
    ListenerStarted { topic, listener, attempt },
    ListenerEnded { topic, listener, attempt, outcome, run_time },
    RetryScheduled { topic, listener, attempt, error, delay },
    DeadEvent { topic },
}

/// For emitters, and for tests of observers.
macro_rules! constructors {
    ($($event:ident { $($field:ident: $type:ty),* })*) => {$(
        impl<'a> $event<'a> {
            /// For emitters, and for tests of observers.
            #[inline]
            pub const fn new($($field: $type),*) -> Self {
                Self { $($field),* }
            }
        }
    )*};
}

constructors! {
    EmissionStarted { topic: &'a str, event: &'a dyn Event, pool: Option<&'a str> }
    EmissionAccepted { topic: &'a str, pool: Option<&'a str> }
    EmissionRejected { topic: &'a str, reason: Rejection<'a> }
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
    DeadEvent { topic: &'a str, event: &'a dyn Event }
    SlowListener {
        topic: &'a str,
        listener: ListenerRef<'a>,
        attempt: u32,
        threshold: Duration,
        running_for: Duration,
        ended: bool
    }
}

impl<'a> EmissionEnded<'a> {
    /// Of an emission that called nobody; the figures are fields. For emitters, and for tests of observers.
    #[inline]
    pub const fn new(topic: &'a str, event: &'a dyn Event, pool: Option<&'a str>) -> Self {
        Self {
            topic,
            event,
            pool,
            delivered: 0,
            failed: 0,
            not_called: 0,
            retried: 0,
            aborted: false,
            discarded: false,
        }
    }
}
