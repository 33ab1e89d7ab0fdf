//! Why a listener was not subscribed or not removed, and why bulkheads, routes and orders were not added.

use std::sync::Arc;
use std::time::Duration;

use crate::listener::ListenerId;
use crate::pool::{MAX_CAPACITY, Overflow};
use crate::topic::{InvalidTopic, Pattern};

/// The most attempts that a listener may have, which an error message says.
pub(crate) const MAX_ATTEMPTS: u32 = 10_000;

/// A listener was not subscribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// The pattern has a listener of that ID already.
    #[error("{pattern} has a listener {id} already")]
    DuplicateListener {
        /// The pattern.
        pattern: Pattern,
        /// The ID.
        id: ListenerId,
    },
    /// The pool that it names is none of the `EventPool`'s.
    #[error("the listener cannot run on its pool: {0}")]
    UnknownPool(#[source] BulkheadError),
    /// It is an async listener, and the pool that it names does not [poll futures](crate::Pool::polls_futures): each would hold
    /// one of its threads.
    #[error(
        "an async listener needs a bulkhead that polls futures, and {pool:?} runs jobs on threads"
    )]
    PollsNoFutures {
        /// The name of the pool.
        pool: Arc<str>,
    },
    /// A listener of 0 attempts would never run.
    #[error("a retry of 0 attempts would never call the listener")]
    ZeroAttempts,
    /// A listener of more attempts than can be meant.
    #[error(
        "a retry of {attempts} attempts is more than the {} there may be",
        MAX_ATTEMPTS
    )]
    TooManyAttempts {
        /// How many.
        attempts: u32,
    },
    /// The first delay of its retry is longer than its delays may be.
    #[error("a retry whose delays are {longest:?} at most cannot begin with {first:?}")]
    DelayAboveLimit {
        /// The first delay.
        first: Duration,
        /// The limit.
        longest: Duration,
    },
    /// It is to be called again, and none may wait for that.
    #[error("a retry of {attempts} attempts has only one where retry_capacity is 0")]
    NoRetryCapacity {
        /// How many attempts it was to have.
        attempts: u32,
    },
    /// The name is empty, blank, or has control characters.
    #[error("{name:?} cannot be the name of a listener: it has to be printable")]
    InvalidName {
        /// The name.
        name: Box<str>,
    },
    /// It has a retry or a timeout, and there is no timer.
    #[error("the listener has a retry or a timeout, and the emitter has no timer")]
    NoTimer,
    /// It has a limit to how long it may run, and there is nothing that watches.
    #[error("the listener cannot be watched: the emitter has no watch")]
    NoSlowListenerMonitor,
    /// It is an async listener, for which a timer of its runtime is the timeout: that can end a future.
    #[error("an async listener has no timeout of {limit:?}: use its runtime's")]
    AsyncTimeout {
        /// The timeout.
        limit: Duration,
    },
    /// A listener that has no time at all would always time out.
    #[error("a timeout of 0 would never let the listener return in time")]
    ZeroTimeout,
    /// A listener that may run 0 times would never run.
    #[error("max_runs(0) would never call the listener")]
    ZeroRuns,
    /// The `EventPool` is closed.
    #[error("the event pool is closed")]
    Closed,
}

/// A listener was not taken off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// The pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// The pattern has no listeners.
    #[error("nothing is subscribed to {pattern}")]
    TopicNotFound {
        /// The pattern.
        pattern: Pattern,
    },
    /// The pattern has listeners, but none of that ID.
    #[error("{pattern} has no listener {id}")]
    ListenerNotFound {
        /// The pattern.
        pattern: Pattern,
        /// The ID.
        id: ListenerId,
    },
}

/// Bulkheads or routes that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkheadError {
    /// The name is empty, blank, has control characters, or is the one of the pool that takes everything else.
    #[error(
        "{name:?} cannot be the name of a bulkhead: it has to be printable, and other than \"default\""
    )]
    InvalidName {
        /// The name.
        name: Box<str>,
    },
    /// There is a bulkhead of that name.
    #[error("there is a bulkhead {name:?} already")]
    Duplicate {
        /// The name.
        name: Arc<str>,
    },
    /// There is no bulkhead of that name.
    #[error("there is no bulkhead {name:?}; there are {known:?}")]
    Unknown {
        /// The name.
        name: Box<str>,
        /// The names that there are.
        known: Vec<Arc<str>>,
    },
    /// The `EventPool` is closed.
    #[error("the event pool is closed")]
    Closed,
    /// An order by key makes no sense. Only while an `EventPool` is built.
    #[error(transparent)]
    Order(#[from] KeyOrderError),
    /// The route's pattern is malformed.
    #[error("the route to {to:?}: {source}")]
    InvalidRoute {
        /// Where it was to lead.
        to: Box<str>,
        /// What is wrong with the pattern.
        source: InvalidTopic,
    },
    /// Two routes match the same topics, say equally much, and lead to different pools.
    #[error(
        "the routes {first} to {first_to:?} and {second} to {second_to:?} match the same topics and are equally specific"
    )]
    Ambiguous {
        /// The pattern of the route that was there first.
        first: Pattern,
        /// Where it leads.
        first_to: Arc<str>,
        /// The pattern of the other one.
        second: Pattern,
        /// Where it was to lead.
        second_to: Arc<str>,
    },
}

/// An order that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyOrderError {
    /// The pattern is malformed.
    #[error("the events to be ordered by key: {0}")]
    InvalidPattern(#[from] InvalidTopic),
    /// An event that is behind others can be run neither at once nor in place of others.
    #[error("the order of {pattern} cannot have the overflow policy {overflow:?}")]
    Overflow {
        /// The pattern.
        pattern: Pattern,
        /// The policy.
        overflow: Overflow,
    },
    /// A number that is too large to be meant.
    #[error("the order of {pattern} has a capacity of {capacity}, which is above {MAX_CAPACITY}")]
    TooLarge {
        /// The pattern.
        pattern: Pattern,
        /// The capacity.
        capacity: usize,
    },
    /// Two patterns match the same topics and say equally much.
    #[error("the orders of {first} and {second} match the same topics and are equally specific")]
    Ambiguous {
        /// The pattern of the order that was there first.
        first: Pattern,
        /// The pattern of the other one.
        second: Pattern,
    },
}
