//! Errors of the bridge.

use std::fmt;
use std::io;
use std::time::Duration;

use soiree_core::{BoxError, InvalidTopic, SubscribeError};

use crate::partition::MAX_PARTITIONS;

/// A bridge was not connected, or does not publish or consume.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// A name is not one that NATS permits.
    #[error("the {what} {name:?} is invalid: {why}")]
    InvalidName {
        /// What it names: a stream, a consumer, a prefix, a header.
        what: &'static str,
        /// The name.
        name: Box<str>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A setting is zero.
    #[error("{setting} is 0, and must be at least 1")]
    Zero {
        /// Its name.
        setting: &'static str,
    },
    /// A stream cannot have so many partitions.
    #[error("{partitions} partitions cannot be had: it is from 1 to {MAX_PARTITIONS}")]
    Partitions {
        /// How many were asked for.
        partitions: u32,
    },
    /// The messages of a partition are asked for, and the bridge has no partitions.
    #[error(
        "the consumer {consumer} is to have partitions, and the bridge has none; declare them with `NatsBuilder::partitions`"
    )]
    NotPartitioned {
        /// The name of the consumer.
        consumer: Box<str>,
    },
    /// The messages of a partition are handled one at a time.
    #[error(
        "the consumer {consumer} has partitions and in_flight({in_flight}); messages of a partition are handled one at a time"
    )]
    PartitionInFlight {
        /// The name of the consumer.
        consumer: Box<str>,
        /// What was asked for.
        in_flight: usize,
    },
    /// An outbox acknowledges a message before its listeners have handled it, so another process would overtake it.
    #[error(
        "the outbox stores what matches {pattern}, and would acknowledge a message of a partition before it is handled; consume into an event pool"
    )]
    PartitionStored {
        /// The pattern.
        pattern: Box<str>,
    },
    /// A pattern is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// No codec matches the pattern, so that no payload could be written down or read.
    #[error(
        "no codec matches {pattern}; give the bridge one with `codec`, or make its topics durable"
    )]
    NoCodec {
        /// The pattern.
        pattern: Box<str>,
    },
    /// No thread could be started for the bridge.
    #[error("no thread could be started for the bridge: {0}")]
    Runtime(#[source] io::Error),
    /// The servers cannot be reached, or reject the client.
    #[error("no NATS server of {servers} accepts the connection: {source}")]
    Connect {
        /// Their addresses, without credentials.
        servers: Box<str>,
        /// What the client says.
        source: BoxError,
    },
    /// The server is older than what the bridge relies on.
    #[error("the NATS server has version {version}, and the bridge needs 2.10 or later")]
    ServerTooOld {
        /// The version of the server, as it says.
        version: Box<str>,
    },
    /// The stream does not exist, and may not be created.
    #[error(
        "there is no stream {stream}; create it, or let the bridge do that with `Provision::Create`"
    )]
    NoStream {
        /// Its name.
        stream: Box<str>,
    },
    /// The consumer does not exist, and may not be created.
    #[error(
        "the stream {stream} has no consumer {consumer}; create it, or let the bridge do that with `Provision::Create`"
    )]
    NoConsumer {
        /// The stream.
        stream: Box<str>,
        /// The name of the consumer.
        consumer: Box<str>,
    },
    /// The stream or the consumer exists with other settings.
    #[error(
        "the {what} {name} differs from what the program says: {}",
        list(differences)
    )]
    Differs {
        /// Whether it is a stream or a consumer.
        what: &'static str,
        /// Its name.
        name: Box<str>,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// No stream takes the messages that could not be handled, so they could never be ended.
    #[error(
        "no stream takes the subject {subject}, which messages that cannot be handled go to; add it to one"
    )]
    NoDeadSubject {
        /// The subject.
        subject: Box<str>,
    },
    /// The stream would drop the messages that could not be handled, as it keeps only what has not been asked for yet.
    #[error(
        "the stream {stream} does not keep what goes to {subject}, where messages go that cannot be handled: its retention is {retention}; \
         name a subject of another stream with `Consume::dead_subject`"
    )]
    DeadSubjectNotKept {
        /// The stream.
        stream: Box<str>,
        /// The subject.
        subject: Box<str>,
        /// The retention of the stream, as NATS calls it.
        retention: &'static str,
    },
    /// This bridge consumes by that name already.
    #[error("this bridge consumes by the name {consumer} already")]
    ConsumerTaken {
        /// The name.
        consumer: Box<str>,
    },
    /// The event pool or the outbox rejects the listener that publishes.
    #[error("events cannot be published: {0}")]
    Subscribe(#[from] SubscribeError),
    /// A request to the server failed.
    #[error("cannot {action}: {source}")]
    Request {
        /// What was asked for.
        action: Box<str>,
        /// What the server or the client says.
        source: BoxError,
    },
    /// The bridge is closed.
    #[error("the bridge is closed")]
    Closed,
}

/// One setting of a stream or a consumer that is not as the program says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The setting, as NATS calls it.
    pub setting: &'static str,
    /// What the program says.
    pub expected: String,
    /// What the server has.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            setting,
            expected,
            found,
        } = self;
        write!(f, "{setting} is {found}, not {expected}")
    }
}

fn list(differences: &[Difference]) -> String {
    let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
    texts.join("; ")
}

impl NatsError {
    pub(crate) fn request(action: impl Into<Box<str>>, source: impl Into<BoxError>) -> Self {
        Self::Request {
            action: action.into(),
            source: source.into(),
        }
    }
}

/// A bridge was not closed in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseNatsError {
    /// It is closed, or closing.
    #[error("the bridge is closed already")]
    Closed,
    /// Events were still on their way at the deadline, or nothing goes on with what was being published. Messages come again after `ack_wait`;
    /// what was being published may have arrived.
    #[error(
        "{running} events were still on their way after {waited:?}; those that were received come again"
    )]
    Running {
        /// How many.
        running: usize,
        /// How long the close has waited.
        waited: Duration,
    },
}
