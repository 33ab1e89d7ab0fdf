//! The errors of subscribing and removing listeners, and of bulkheads, routes and orders by key.

use std::sync::Arc;
use std::time::Duration;

use crate::listener::{ASYNC_BULKHEAD, ListenerId};
use crate::pool::{MAX_CAPACITY, Overflow};
use crate::topic::{InvalidTopic, Pattern};

/// The limit of attempts. Here, and not in `Retry`, because an error message contains it.
pub(crate) const MAX_ATTEMPTS: u32 = 10_000;

/// Why a listener was not subscribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// The pattern already has a listener with that ID.
    #[error("{pattern} already has a listener {id}")]
    DuplicateListener {
        /// The pattern.
        pattern: Pattern,
        /// The ID.
        id: ListenerId,
    },
    /// The options name a bulkhead that the `EventPool` does not have.
    #[error("the listener cannot run on its pool: {0}{how}", how = how_to_poll(.0))]
    UnknownPool(#[source] BulkheadError),
    /// An async listener needs a bulkhead that [polls futures](crate::Pool::polls_futures). On this one it would hold a thread.
    #[error(
        "an async listener needs a bulkhead that polls futures, but {pool:?} runs jobs on threads"
    )]
    PollsNoFutures {
        /// The name of the pool.
        pool: Arc<str>,
    },
    /// The listener [requires a place](crate::WhenPoolFull::Required) in a pool that reserves none.
    #[error(
        "the listener requires a place in {pool:?}, which reserves none: it has no queue, or cannot"
    )]
    ReservesNoPlaces {
        /// The name of the pool.
        pool: Arc<str>,
    },
    /// A durable listener of this name is subscribed already. Or it was removed, and has deliveries that have not ended.
    #[error(
        "a durable listener named {name:?} is subscribed already; give each one a name of its own"
    )]
    DurableNameTaken {
        /// The name.
        name: Arc<str>,
    },
    /// A durable listener has a limit of runs. It would be gone after a restart, or run again.
    #[error(
        "the durable listener {name:?} has a limit of runs, which a restart would forget; remove `once` or `max_runs`"
    )]
    DurableWithRunLimit {
        /// The name.
        name: Arc<str>,
    },
    /// No durable topic matches the pattern of a durable listener.
    #[error(
        "the durable listener {name:?} would get nothing: no durable topic matches {pattern}; declare one with a codec"
    )]
    NoDurableTopic {
        /// The name.
        name: Arc<str>,
        /// The pattern.
        pattern: Pattern,
    },
    /// The store could not claim the durable listener.
    #[error("the durable listener {name:?} was not subscribed: {reason}")]
    NotClaimed {
        /// The name.
        name: Arc<str>,
        /// What the store says.
        reason: Arc<str>,
    },
    /// The retry has zero attempts, so the listener would never be called.
    #[error("a retry of 0 attempts would never call the listener")]
    ZeroAttempts,
    /// The retry has more attempts than the limit.
    #[error("a retry of {attempts} attempts exceeds the limit of {}", MAX_ATTEMPTS)]
    TooManyAttempts {
        /// The number of attempts.
        attempts: u32,
    },
    /// The first delay of the retry is above its maximum delay.
    #[error("a retry with a first delay of {first:?} exceeds its max_delay of {longest:?}")]
    DelayAboveLimit {
        /// The first delay.
        first: Duration,
        /// The maximum delay.
        longest: Duration,
    },
    /// The listener has a retry, but the retry capacity of the `EventPool` is zero.
    #[error("a retry of {attempts} attempts needs a retry_capacity above 0")]
    NoRetryCapacity {
        /// The number of attempts.
        attempts: u32,
    },
    /// The name is empty, blank or contains control characters.
    #[error("{name:?} cannot be the name of a listener: it must be printable")]
    InvalidName {
        /// The name.
        name: Box<str>,
    },
    /// The listener has a retry or a timeout, but the emitter has no timer.
    #[error("the listener has a retry or a timeout, but the emitter has no timer")]
    NoTimer,
    /// The listener has `slow_after`, but the emitter has no slow listener monitor.
    #[error("the listener has slow_after, but the emitter has no slow listener monitor")]
    NoSlowListenerMonitor,
    /// The timeout is zero, so the listener would always time out.
    #[error("a timeout of 0 would never let the listener return in time")]
    ZeroTimeout,
    /// The run limit is zero, so the listener would never be called.
    #[error("max_runs(0) would never call the listener")]
    ZeroRuns,
    /// The capacity of an inbox is 0, or above the limit.
    #[error(
        "an inbox cannot hold {capacity} events: 1 to {} are possible",
        MAX_CAPACITY
    )]
    InvalidInboxCapacity {
        /// The capacity.
        capacity: usize,
    },
    /// No call may run, so the listener would never be called.
    #[error("max_concurrent(0) would never call the listener")]
    ZeroConcurrent,
    /// The listener is ordered by key, and also has a limit of calls at once.
    #[error(
        "a listener that is ordered by key is called once at a time for each key, and cannot have max_concurrent({calls})"
    )]
    OrderedAndLimited {
        /// The limit.
        calls: usize,
    },
    /// The order of a listener has a capacity or an overflow policy. They are for orders of patterns, where emits wait.
    #[error(
        "the order of a listener cannot have the capacity {capacity:?} or the overflow policy {overflow:?}: its calls wait, and no emit does"
    )]
    OrderedCapacity {
        /// The capacity, if it was set.
        capacity: Option<usize>,
        /// The policy.
        overflow: Overflow,
    },
    /// The listener is [durable](crate::ListenerOptions::durable), but an `EventPool` stores no events.
    #[error(
        "the listener {name:?} is durable, and an event pool stores no events: subscribe it through an outbox"
    )]
    NotDurable {
        /// The name of the listener in the store.
        name: Arc<str>,
    },
    /// The `EventPool` is closed.
    #[doc(alias = "ErrEmitterClosed")]
    #[error("the event pool is closed")]
    Closed,
}

/// Why a listener was not removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// The pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// The pattern has no listeners.
    #[doc(alias = "ErrTopicNotFound")]
    #[error("nothing is subscribed to {pattern}")]
    TopicNotFound {
        /// The pattern.
        pattern: Pattern,
    },
    /// The pattern has listeners, but none with that ID.
    #[doc(alias = "ErrListenerNotFound")]
    #[error("{pattern} has no listener {id}")]
    ListenerNotFound {
        /// The pattern.
        pattern: Pattern,
        /// The ID.
        id: ListenerId,
    },
}

/// Why a bulkhead or a route is invalid, unknown or was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkheadError {
    /// The name is empty, blank, contains control characters, or is `default`, which names the default pool.
    #[error("{name:?} cannot be the name of a bulkhead: it must be printable, and not \"default\"")]
    InvalidName {
        /// The name.
        name: Box<str>,
    },
    /// A bulkhead with that name already exists.
    #[error("a bulkhead {name:?} already exists")]
    Duplicate {
        /// The name.
        name: Arc<str>,
    },
    /// No bulkhead has that name.
    #[error("there is no bulkhead {name:?}; there are {}", listed(.known))]
    Unknown {
        /// The name.
        name: Box<str>,
        /// The names of all bulkheads.
        known: Vec<Arc<str>>,
    },
    /// The `EventPool` is closed.
    #[error("the event pool is closed")]
    Closed,
    /// An order by key is invalid. Only when an `EventPool` is built.
    #[error(transparent)]
    Order(#[from] KeyOrderError),
    /// The route's pattern is malformed.
    #[error("the route to {to:?}: {source}")]
    InvalidRoute {
        /// The bulkhead that the route leads to.
        to: Box<str>,
        /// What is wrong with the pattern.
        source: InvalidTopic,
    },
    /// Two routes to different pools match the same topic and are equally specific.
    #[error(
        "the routes {first} to {first_to:?} and {second} to {second_to:?} match the same topics and are equally specific"
    )]
    Ambiguous {
        /// The pattern of the route that was added first.
        first: Pattern,
        /// The bulkhead that it leads to.
        first_to: Arc<str>,
        /// The pattern of the other route.
        second: Pattern,
        /// The bulkhead that it leads to.
        second_to: Arc<str>,
    },
}

/// Why an order by key is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyOrderError {
    /// The pattern is malformed.
    #[error("the pattern of an order by key: {0}")]
    InvalidPattern(#[from] InvalidTopic),
    /// An order cannot run events out of turn or drop some of them, as this overflow policy would.
    #[error("the order of {pattern} cannot have the overflow policy {overflow:?}")]
    Overflow {
        /// The pattern.
        pattern: Pattern,
        /// The policy.
        overflow: Overflow,
    },
    /// The capacity is above [`MAX_CAPACITY`].
    #[error(
        "the order of {pattern} has a capacity of {capacity}, above the limit of {MAX_CAPACITY}"
    )]
    TooLarge {
        /// The pattern.
        pattern: Pattern,
        /// The capacity.
        capacity: usize,
    },
    /// Two patterns match the same topic and are equally specific.
    #[error("the orders of {first} and {second} match the same topics and are equally specific")]
    Ambiguous {
        /// The pattern of the order that was added first.
        first: Pattern,
        /// The pattern of the other order.
        second: Pattern,
    },
}

fn listed(known: &[Arc<str>]) -> String {
    if known.is_empty() {
        String::from("none")
    } else {
        format!("{known:?}")
    }
}

/// What to do if async listeners have no pool. Who subscribes one need not have named any.
fn how_to_poll(error: &BulkheadError) -> &'static str {
    match error {
        BulkheadError::Unknown { name, .. } if **name == *ASYNC_BULKHEAD => {
            "; an async listener needs a pool that polls futures, such as a `TaskPool`: add it as this bulkhead, or name another one in the options"
        }
        _ => "",
    }
}
