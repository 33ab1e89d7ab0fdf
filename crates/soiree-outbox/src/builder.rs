//! Building an outbox.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::codec::Codec;
use soiree_core::store::{StartFrom, Store, SystemClock, WallClock};

use crate::commit_queue::QueueLimit;
use crate::listener::Limits;

/// What happens to listeners that the store knows, and that are not subscribed when an outbox is started. Their events are kept until
/// somebody handles them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Orphans {
    /// They stay, and [`Outbox::start`](crate::Outbox::start) returns their names.
    #[default]
    Keep,
    /// They are an error of [`Outbox::start`](crate::Outbox::start).
    Reject,
    /// They are removed, and with them the events that only they have not handled, dead ones included. **This includes the listeners of other
    /// programs on the same file, and of other versions of this one, that are merely down just now: what they have not handled is lost.** A listener
    /// that a process holds is kept, and [`Outbox::start`](crate::Outbox::start) returns its name.
    ///
    /// If the file is shared, remove listeners by name instead: [`Outbox::remove_listener`](crate::Outbox::remove_listener).
    Remove,
}

/// Settings of an [`Outbox`](crate::Outbox). Made by [`Outbox::builder`](crate::Outbox::builder).
pub struct OutboxBuilder {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) codecs: Vec<(String, Box<dyn Codec>)>,
    pub(crate) max_events: u64,
    pub(crate) queue: QueueLimit,
    pub(crate) max_payload: usize,
    pub(crate) limits: Limits,
    pub(crate) keep: Duration,
    pub(crate) orphans: Orphans,
    pub(crate) start_from: StartFrom,
    pub(crate) is_shared: bool,
    pub(crate) is_strict: bool,
    pub(crate) clock: Arc<dyn WallClock>,
}

impl OutboxBuilder {
    pub(crate) fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            codecs: Vec::new(),
            max_events: 1_000_000,
            queue: QueueLimit {
                events: 1_024,
                bytes: 64 << 20,
            },
            max_payload: 16 << 20,
            limits: Limits {
                in_flight: 64,
                max_parked: 10_000,
            },
            keep: Duration::from_secs(600),
            orphans: Orphans::Keep,
            start_from: StartFrom::Now,
            is_shared: false,
            is_strict: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Makes the topics of a pattern durable, and says how their payloads are written down. If several patterns match a topic, the most
    /// specific one decides. A malformed pattern is an error of [`build`](Self::build).
    #[must_use]
    pub fn codec(mut self, pattern: impl Into<String>, codec: impl Codec + 'static) -> Self {
        self.codecs.push((pattern.into(), Box::new(codec)));
        self
    }

    /// How many events may be stored: 1,000,000 by default. Beyond that emits are rejected, until events have been handled, and kept for
    /// [`keep`](Self::keep).
    #[must_use]
    pub fn max_events(mut self, events: u64) -> Self {
        self.max_events = events;
        self
    }

    /// How many events may wait for their commit before [`try_emit`](crate::Outbox::try_emit) rejects: 1,024 by default.
    ///
    /// Other emits wait in the order in which they come, each with its own events: as many are in memory as the program emits at once, and
    /// those of a future that is dropped no longer. Each is there twice, as its payload and as bytes. A program that must bound this
    /// uses `try_emit`, or bounds its threads and tasks.
    #[must_use]
    pub fn queue_capacity(mut self, events: usize) -> Self {
        self.queue.events = events;
        self
    }

    /// How many bytes of payloads, as they are written down, may wait for their commit before [`try_emit`](crate::Outbox::try_emit)
    /// rejects: 64 MiB by default. If nothing waits, an event of any size is accepted. For other emits see
    /// [`queue_capacity`](Self::queue_capacity).
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue.bytes = bytes;
        self
    }

    /// The largest payload in bytes, as it is written down: 16 MiB by default.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// How many events of one listener may run at once, those included that wait in memory for one of their key: 64 by default.
    /// With 1, each listener gets all events in order, over retries too: the next ones wait until one is done or dead.
    ///
    /// After a crash, up to twice as many that may have been running are tried one by one, and newer events may overtake them. If listeners take
    /// long, set it to about twice the workers of their bulkhead.
    #[must_use]
    pub fn in_flight(mut self, events: usize) -> Self {
        self.limits.in_flight = events;
        self
    }

    /// How many events of one listener may wait for a retry, or behind one of their key: 10,000 by default. Beyond that the listener
    /// gets no new ones until some have ended, and what was redriven waits in the store.
    #[must_use]
    pub fn max_parked(mut self, events: usize) -> Self {
        self.limits.max_parked = events;
        self
    }

    /// How long an event stays in the store after every listener has ended it: ten minutes by default. For as long, an event with the same
    /// ID is a duplicate.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// What happens to listeners that the store knows, and that are not subscribed at the start. They are kept by default.
    #[must_use]
    pub fn orphans(mut self, orphans: Orphans) -> Self {
        self.orphans = orphans;
        self
    }

    /// Which events a listener gets that the store does not know: those from now on by default.
    #[must_use]
    pub fn start_from(mut self, start_from: StartFrom) -> Self {
        self.start_from = start_from;
        self
    }

    /// Whether other processes append to the store: then it is asked about ten times in a second whether they have, and each second whether
    /// they have redriven dead events. Off by default: see [`wake`](crate::Outbox::wake).
    #[must_use]
    pub fn shared(mut self, is_shared: bool) -> Self {
        self.is_shared = is_shared;
        self
    }

    /// Whether every emit through the outbox must be stored for somebody. Off by default: an event on a topic that is not durable passes through
    /// to the event pool, and one that no durable listener matches is stored for nobody.
    ///
    /// If on, such an emit is rejected, and its payload comes back: [`NotStored::NoCodec`], [`NotStored::NoListener`]. So a topic that was
    /// mistyped, and a listener that was forgotten, are errors. Emit what need not be stored through the event pool. Durable listeners of
    /// other processes do not count: leave it off in a program that only emits.
    ///
    /// ```
    /// use soiree::codec::Text;
    /// use soiree::{EventPool, Outbox};
    /// # use soiree_testkit::MemoryStore;
    ///
    /// let store = MemoryStore::new();
    /// let outbox = Outbox::builder(store).codec("note.*", Text).strict(true).build(EventPool::new())?;
    /// let error = outbox.emit("nota.added", String::from("milk")).unwrap_err();
    /// assert!(error.to_string().starts_with("nota.added was not stored: its topic is not durable"));
    /// let error = outbox.emit("note.added", String::from("milk")).unwrap_err();
    /// assert!(error.to_string().starts_with("note.added was not stored: no durable listener matches"));
    /// # outbox.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`NotStored::NoCodec`]: soiree_engine::NotStored::NoCodec
    /// [`NotStored::NoListener`]: soiree_engine::NotStored::NoListener
    #[must_use]
    pub fn strict(mut self, is_strict: bool) -> Self {
        self.is_strict = is_strict;
        self
    }

    /// The clock that tells when events were emitted and retries are due, once, when the outbox is built. The system's by default.
    #[must_use]
    pub fn wall_clock(mut self, clock: impl WallClock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl OutboxBuilder {
    /// Makes the topics of a typed topic or pattern durable, with payloads as JSON.
    #[must_use]
    pub fn json<D: DurableTopic>(self, topic: D) -> Self
    where
        D::Payload: std::any::Any + Send + Sync + serde::Serialize + serde::de::DeserializeOwned,
    {
        let codec = soiree_core::codec::Json::<D::Payload>::new();
        self.codec(topic.pattern(), codec)
    }
}

/// A topic or pattern that knows the type of its payloads. Implemented by `TypedTopic` and `TypedPattern`.
pub trait DurableTopic {
    /// The type.
    type Payload;

    /// The topic, or the pattern.
    fn pattern(&self) -> String;
}
