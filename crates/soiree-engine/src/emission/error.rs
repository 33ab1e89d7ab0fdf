//! Why an event was not emitted.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::store::StoreError;
use soiree_core::{BoxError, EventId, InvalidTopic, Pattern, Payload, SubmitErrorReason};

/// An event was rejected. Its payload comes back: see [`into_payload`](EmitError::into_payload).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The topic is malformed.
    #[error("{source}")]
    InvalidTopic {
        /// What is wrong with it, and where.
        source: InvalidTopic,
        /// The payload of the event.
        payload: Payload,
    },
    /// The `EventPool` is closed or closing.
    #[error("the event pool is closed; {topic} was not emitted")]
    Closed {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
    },
    /// The topic is reserved by an outbox, which would not see the event: its durable listeners would never get it.
    #[error("{topic} is reserved by an outbox, and was not emitted; emit it through the outbox")]
    Reserved {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
    },
    /// An `emit_sync` inside listeners that other `emit_sync` call on the same thread, as many as are permitted.
    #[error(
        "{topic} was not emitted: {depth} emit_sync run inside one another on this thread already; use emit"
    )]
    RecursionLimit {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
        /// How many others.
        depth: usize,
    },
    /// Too many events of this pattern wait behind others of their key.
    #[error(
        "{topic} was not emitted: its key is busy, and {capacity} events of {pattern} wait behind others already"
    )]
    KeyQueueFull {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
        /// The pattern of the order.
        pattern: Pattern,
        /// How many events may wait.
        capacity: usize,
        /// How long the emitter waited for room, if it did.
        waited: Option<Duration>,
    },
    /// An `emit_sync` inside a listener would have to wait for other events of its key.
    #[error(
        "{topic} was not emitted: its key is busy, and emit_sync does not wait inside a listener; use emit"
    )]
    KeyBusy {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
        /// The pattern of the order.
        pattern: Pattern,
    },
    /// The key function panicked.
    #[error("{topic} was not emitted: the key function for {pattern} panicked: {message}")]
    KeyPanicked {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
        /// The pattern of the order.
        pattern: Pattern,
        /// What it panicked with.
        message: Box<str>,
    },
    /// The pool rejected it.
    #[error("the bulkhead {pool} rejected {topic}: {source}")]
    Rejected {
        /// The name of the pool in the `EventPool`.
        pool: Box<str>,
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
        /// Why.
        source: SubmitErrorReason,
    },
    /// The event is durable, and was not stored. No listener gets it, unless the source is [`StoreError::Unknown`].
    #[error("{topic} was not stored: {source}")]
    NotStored {
        /// The topic.
        topic: Box<str>,
        /// The payload of the event.
        payload: Payload,
        /// Why.
        source: NotStored,
    },
}

/// Why a durable event was not stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NotStored {
    /// The codec of its topic could not write the payload down.
    #[error("the codec {codec} cannot write the payload: {source}")]
    Encode {
        /// The name of the codec.
        codec: Box<str>,
        /// What the codec returned, or the message of its panic.
        source: Arc<BoxError>,
    },
    /// Its properties could not be read again.
    #[error("{reason}; put such data into the payload")]
    Properties {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The topic is not durable.
    #[error("its topic is not durable; declare it with `json` or `codec` when the outbox is built")]
    NoCodec,
    /// The outbox is strict, and no durable listener of this program matches the topic.
    #[error(
        "no durable listener matches; subscribe one through the outbox, with `ListenerOptions::durable`, or build it without `strict`"
    )]
    NoListener,
    /// The payload, as it is written down, is larger than permitted.
    #[error(
        "its payload has {bytes} bytes, and at most {limit} are permitted; raise max_payload of the outbox and of its store, or emit \
         where the data is"
    )]
    TooLarge {
        /// The size of the payload in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// As many events as permitted wait to be stored.
    #[error(
        "{events} events with {bytes} bytes wait to be stored already; emit it again later, or with an emit that waits"
    )]
    QueueFull {
        /// How many wait.
        events: usize,
        /// The bytes of their payloads.
        bytes: usize,
    },
    /// As many events as permitted are stored.
    #[error(
        "{limit} events are stored already; emit it again once listeners have ended some, or raise max_events of the outbox"
    )]
    Full {
        /// How many may be stored.
        limit: u64,
    },
    /// Another event with the same ID is stored.
    #[error("another event with the ID {id} is stored already; give each event an ID of its own")]
    Conflict {
        /// The ID.
        id: EventId,
    },
    /// The store failed.
    #[error("{0}")]
    Store(#[source] Arc<StoreError>),
}

impl EmitError {
    /// Whether there is no room for the event just now: a pool or a store is full, or too many events wait behind others of their key.
    /// The same event may be accepted later.
    pub fn is_full(&self) -> bool {
        match self {
            Self::KeyQueueFull { .. } => true,
            Self::Rejected { source, .. } => matches!(
                source,
                SubmitErrorReason::Full { .. } | SubmitErrorReason::TimedOut { .. }
            ),
            Self::NotStored { source, .. } => match source {
                NotStored::QueueFull { .. } | NotStored::Full { .. } => true,
                NotStored::Store(error) => matches!(**error, StoreError::Full { .. }),
                _ => false,
            },
            _ => false,
        }
    }

    /// The name of the pool that rejected the event, if one did.
    pub fn pool(&self) -> Option<&str> {
        match self {
            Self::Rejected { pool, .. } => Some(pool),
            _ => None,
        }
    }

    /// The payload of the event. [`Payload::downcast`] takes out the value that was emitted, as long as nothing else, such as an
    /// observer, has a handle to it. The error of a typed topic knows its type.
    ///
    /// ```
    /// use soiree::EventPool;
    ///
    /// let soiree = EventPool::new();
    /// soiree.close()?;
    /// let error = soiree.emit("user.created", String::from("Matty Ice")).unwrap_err();
    /// eprintln!("{error}");
    /// let name: String = error.into_payload().downcast().expect("a text that nobody else has");
    /// assert_eq!(name, "Matty Ice");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_payload(self) -> Payload {
        match self {
            Self::InvalidTopic { payload, .. }
            | Self::Closed { payload, .. }
            | Self::Reserved { payload, .. }
            | Self::RecursionLimit { payload, .. }
            | Self::KeyQueueFull { payload, .. }
            | Self::KeyBusy { payload, .. }
            | Self::KeyPanicked { payload, .. }
            | Self::Rejected { payload, .. }
            | Self::NotStored { payload, .. } => payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D12: a disk that is full may have room later; one that is damaged is not full.
    #[test]
    fn an_event_that_found_no_room_in_a_store_is_rejected_as_full() {
        let is_full = |error: StoreError| {
            let source = NotStored::Store(Arc::new(error));
            let (topic, payload) = ("kept.a".into(), Payload::new(()));
            EmitError::NotStored {
                topic,
                payload,
                source,
            }
            .is_full()
        };
        let store = || String::from("a store");
        let reason = String::from("its disk is full");
        assert!(is_full(StoreError::Full {
            store: store(),
            reason,
        }));
        let place = String::from("row 7");
        assert!(!is_full(StoreError::Corrupt {
            store: store(),
            place,
        }));
    }
}
