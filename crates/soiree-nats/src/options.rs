//! What the program asks of a bridge.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::{Jitter, KeyOrder, ListenerOptions, Pattern, Retry};

use crate::error::NatsError;
use crate::headers::check_plain_header;
use crate::subject::{check_name, check_subject};

/// Who makes the stream and the consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Provision {
    /// The bridge makes what is missing. What exists is checked: if it differs, that is an error that says what differs.
    #[default]
    Create,
    /// What is missing or differs is an error.
    Check,
    /// They are used as they are. Only what the bridge cannot work with is an error. A message that the server delivers for the last time, by
    /// a `max_deliver` of the consumer, is handled for the last time: it is dead if it fails. If its process is killed, nobody gets it again.
    Use,
}

/// Which messages a new consumer starts with. It does not matter to one that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StartAt {
    /// With the oldest message of the stream.
    #[default]
    Oldest,
    /// With those that come from now on.
    Now,
}

/// Which events are published, and how. A pattern alone is enough.
///
/// ```
/// use soiree_core::KeyOrder;
/// use soiree_nats::Publish;
///
/// let publish = Publish::new("order.**")
///     .plain_header("tenant")
///     .ordered(KeyOrder::by(|event| event.payload_as::<u64>().map(|number| *number)));
/// ```
#[derive(Clone)]
pub struct Publish {
    pub(crate) pattern: String,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) pool: Option<Arc<str>>,
    pub(crate) retry: Option<Retry>,
    pub(crate) order: Option<KeyOrder>,
    pub(crate) plain_headers: Vec<Box<str>>,
}

impl Publish {
    /// The events that match a pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            name: None,
            pool: None,
            retry: None,
            order: None,
            plain_headers: Vec::new(),
        }
    }

    /// The name of the listener, which an outbox keeps its progress under: `nats:` and the stream by default. A second pattern of
    /// the same stream needs a name of its own.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The bulkhead that the listener runs on, which must poll futures: `async` by default.
    #[must_use]
    pub fn pool(mut self, bulkhead: impl Into<Arc<str>>) -> Self {
        self.pool = Some(bulkhead.into());
        self
    }

    /// How often an event is tried. By default, with an outbox: 10,000 times, half a minute apart in the end, so that an outage of three
    /// days makes no dead letters. Without an outbox: eight times, with pauses that grow to 13 s.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Publishes the events of one key in the order of their emits, into the partition of the key if the stream has
    /// [partitions](crate::NatsBuilder::partitions). Otherwise an event that is tried again comes later than others.
    #[must_use]
    pub fn ordered(mut self, order: KeyOrder) -> Self {
        self.order = Some(order);
        self
    }

    /// Sends a property as a header of the same name too, for readers that do not know soiree. Characters other than printable ASCII
    /// become `?` there.
    #[must_use]
    pub fn plain_header(mut self, property: impl Into<Box<str>>) -> Self {
        self.plain_headers.push(property.into());
        self
    }

    pub(crate) fn check(&self) -> Result<Pattern, NatsError> {
        for header in &self.plain_headers {
            check_plain_header(header)?;
        }
        Ok(Pattern::new(&self.pattern)?)
    }

    pub(crate) fn listener_options(&self, name: &Arc<str>, is_durable: bool) -> ListenerOptions {
        let retry = self
            .retry
            .clone()
            .unwrap_or_else(|| default_retry(is_durable));
        let mut options = ListenerOptions::new().name(Arc::clone(name)).retry(retry);
        if is_durable {
            options = options.durable(Arc::clone(name));
        }
        if let Some(pool) = &self.pool {
            options = options.pool(Arc::clone(pool));
        }
        match &self.order {
            Some(order) => options.ordered(order.clone()),
            None => options,
        }
    }
}

fn default_retry(is_durable: bool) -> Retry {
    let first = Duration::from_millis(200);
    match is_durable {
        true => Retry::exponential(first, Retry::MAX_ATTEMPTS)
            .max_delay(Duration::from_secs(30))
            .jitter(Jitter::Equal),
        false => Retry::exponential(first, 8),
    }
}

impl<P: Into<String>> From<P> for Publish {
    fn from(pattern: P) -> Self {
        Self::new(pattern)
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("pattern", &self.pattern)
            .field("name", &self.name)
            .field("plain_headers", &self.plain_headers)
            .finish_non_exhaustive()
    }
}

/// Which messages are consumed, and how.
///
/// ```
/// use soiree_core::Retry;
/// use soiree_nats::Consume;
/// use std::time::Duration;
///
/// let consume = Consume::durable("billing", "order.*")
///     .in_flight(64)
///     .retry(Retry::exponential(Duration::from_millis(200), 8));
/// ```
#[derive(Debug, Clone)]
pub struct Consume {
    pub(crate) name: Arc<str>,
    pub(crate) pattern: String,
    pub(crate) in_flight: usize,
    pub(crate) ack_wait: Duration,
    pub(crate) retry: Retry,
    pub(crate) start_at: StartAt,
    pub(crate) echo: bool,
    pub(crate) dead_subject: Option<String>,
    pub(crate) heartbeat: Duration,
    pub(crate) by_partition: bool,
}

impl Consume {
    /// The topics that match a pattern, by a durable consumer of this name. Processes that consume by the same name share the messages.
    pub fn durable(name: impl Into<Arc<str>>, pattern: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            pattern: pattern.into(),
            in_flight: 64,
            ack_wait: Duration::from_secs(30),
            retry: Retry::exponential(Duration::from_millis(200), 8),
            start_at: StartAt::Oldest,
            echo: false,
            dead_subject: None,
            heartbeat: Duration::from_secs(5),
            by_partition: false,
        }
    }

    /// How many messages may be on their way, in all processes that share the consumer: 64 by default. Those that wait for another try are among
    /// them. With 1, they are handled in the order of the stream.
    #[must_use]
    pub fn in_flight(mut self, messages: usize) -> Self {
        self.in_flight = messages;
        self
    }

    /// Handles the events of each key in order, in all processes that consume by the same name together. The stream must have
    /// [partitions](crate::NatsBuilder::partitions), and the events must have been published [in order](Publish::ordered).
    ///
    /// There is a consumer for each partition, called `billing-0` and so on, with one message [in flight](Consume::in_flight): **one process at
    /// a time handles a message of a partition**, and the next message is given out when that one has ended. The other processes ask for it
    /// too, so all of them share the work, and take over from one that is killed after `ack_wait`.
    ///
    /// - **In order**: the listeners of an event have ended well, or its message is in the dead subject, before those of the next event of its
    ///   partition are called, in whatever process. Kills, restarts and errors that are tried again do not change that. An event may be handled
    ///   twice in a row. A server that is killed may forget what was acknowledged in its last moments, and hands that out again.
    /// - **Except** where a process is cut off from the server for longer than `ack_wait` and goes on: what it is handling is handled elsewhere
    ///   too, and later events may be, before it ends. A listener that has timed out may run on as well.
    /// - **Into an event pool**: an outbox would acknowledge a message when it is stored, and another process would handle the next one first. That
    ///   is an error for topics that it stores. The stream keeps the message until its listeners have ended, so nothing is lost without.
    /// - An event that fails delays its partition until it is handled or dead. More partitions delay fewer keys, and carry more.
    #[must_use]
    pub fn by_partition(mut self) -> Self {
        self.by_partition = true;
        self.in_flight = 1;
        self
    }

    /// After how long without a sign of life the server gives a message to another process: 30 s by default. The bridge shows life three times
    /// in that time, so listeners may take longer. It is how long a message waits after its process was killed.
    #[must_use]
    pub fn ack_wait(mut self, ack_wait: Duration) -> Self {
        self.ack_wait = ack_wait;
        self
    }

    /// How often a message is tried that failed, eight times by default, with up to half a minute in between. Then it goes to the dead
    /// subject. If several listeners fail, it is tried again if that may help one of them. Deliveries count whatever they ended by, so a process that is killed uses up an attempt.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Which messages a new consumer starts with: the oldest by default.
    #[must_use]
    pub fn start_at(mut self, start_at: StartAt) -> Self {
        self.start_at = start_at;
        self
    }

    /// Whether events come back to the outbox, or the bridge, that has published them. Off by default: they are ended unseen.
    ///
    /// **Set it where several processes share the consumer** and each also publishes what it consumes: the server may give a message to the
    /// process that it came from, and no other one gets it then.
    #[must_use]
    pub fn echo(mut self, echo: bool) -> Self {
        self.echo = echo;
        self
    }

    /// The subject that messages go to which cannot be handled, instead of [`Subjects::dead`](crate::Subjects::dead). A stream must take it,
    /// and keep what it takes: one with the retention `interest` keeps only what some consumer asks for, and one with `workqueue` nothing that
    /// was handled.
    #[must_use]
    pub fn dead_subject(mut self, subject: impl Into<String>) -> Self {
        self.dead_subject = Some(subject.into());
        self
    }

    /// How often the server says that it is there while it has no messages: every 5 s by default. After two that did not come, the bridge
    /// asks for messages anew.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    pub(crate) fn check(&self) -> Result<Pattern, NatsError> {
        check_name("consumer", &self.name)?;
        for (setting, is_zero) in [
            ("in_flight", self.in_flight == 0),
            ("ack_wait", self.ack_wait.is_zero()),
            ("heartbeat", self.heartbeat.is_zero()),
            ("attempts", self.retry.attempts() == 0),
        ] {
            if is_zero {
                return Err(NatsError::Zero { setting });
            }
        }
        if let Some(subject) = &self.dead_subject {
            check_subject("dead subject", subject)?;
        }
        if self.by_partition && self.in_flight != 1 {
            return Err(NatsError::PartitionInFlight {
                consumer: self.name.as_ref().into(),
                in_flight: self.in_flight,
            });
        }
        Ok(Pattern::new(&self.pattern)?)
    }
}
