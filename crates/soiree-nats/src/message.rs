//! From a message to an event.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::jetstream::Message;
use soiree_core::{BaseEvent, Codecs, Event, EventId, Pattern};
use soiree_engine::DurableTopics;

use crate::headers::{self, MAX_HOPS};
use crate::partition::fnv1a;
use crate::running::MessageKey;
use crate::subject::Subjects;

/// What the server says about a delivery.
pub(crate) struct Delivered {
    pub(crate) key: MessageKey,
    /// How often the message was delivered, this time included.
    pub(crate) times: u64,
    /// How many messages the consumer has not been given.
    pub(crate) pending: u64,
}

impl Delivered {
    /// `None` if the message does not come from a stream.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        Some(Self {
            key: MessageKey {
                sequence: info.stream_sequence,
                published: info.published,
            },
            times: u64::try_from(info.delivered).unwrap_or(1).max(1),
            pending: info.pending,
        })
    }
}

/// How messages are read.
pub(crate) struct Reader<'a> {
    pub(crate) subjects: &'a Subjects,
    pub(crate) stream: &'a str,
    pub(crate) pattern: &'a Pattern,
    pub(crate) dead_subject: &'a str,
    pub(crate) codecs: &'a Codecs,
    pub(crate) durable: Option<&'a DurableTopics>,
    /// Whose messages are passed over.
    pub(crate) own: Option<EventId>,
}

/// What a message is.
pub(crate) enum Content {
    Event {
        event: Arc<dyn Event>,
        /// Whether the event is stored before an emit returns.
        is_durable: bool,
    },
    /// Nobody is to be called for it.
    Skip,
    /// It can never be handled, for this reason.
    Dead(String),
}

impl Reader<'_> {
    pub(crate) fn read(&self, message: &Message, delivered: &Delivered) -> Content {
        let subject = message.subject.as_str();
        if self.subjects.is_dead(subject) || subject == self.dead_subject {
            return Content::Skip;
        }
        let received = match headers::read(message.headers.as_ref()) {
            Ok(received) => received,
            Err(why) => return Content::Dead(why.into()),
        };
        if self.own.is_some() && received.origin == self.own {
            return Content::Skip;
        }
        let topic = match self.subjects.topic(subject) {
            Ok(topic) => topic,
            Err(error) => return Content::Dead(error.to_string()),
        };
        if !self.pattern.matches(&topic) {
            return Content::Skip;
        }
        if headers::hops(&received.properties) >= MAX_HOPS {
            return Content::Dead(format!("it went through {MAX_HOPS} streams"));
        }
        let durable = self.durable.filter(|durable| durable.codecs.has(&topic));
        let codecs = durable.map_or(self.codecs, |durable| &durable.codecs);
        let Some(codec) = received
            .codec
            .or_else(|| codecs.name(&topic).map(String::from))
        else {
            return Content::Dead(format!("there is no codec for the topic {topic}"));
        };
        let payload = match codecs.decode(&topic, &codec, &message.payload) {
            Ok(payload) => payload,
            Err(error) => return Content::Dead(error.to_string()),
        };
        let mut properties = received.properties;
        headers::mark(&mut properties, self.stream);
        let id = received
            .id
            .unwrap_or_else(|| derived_id(self.stream, &delivered.key));
        let event = BaseEvent::new(topic, ())
            .with_id(id)
            .with_properties(properties)
            .with_attempt(u32::try_from(delivered.times).unwrap_or(u32::MAX));
        event.set_payload(payload);
        Content::Event {
            event: Arc::new(event),
            is_durable: durable.is_some(),
        }
    }
}

/// The ID of a message whose publisher has given it none: the same for each delivery, in every process. Sorts by time like others.
fn derived_id(stream: &str, key: &MessageKey) -> EventId {
    let published = SystemTime::from(key.published).duration_since(UNIX_EPOCH);
    let millis = published.map_or(0, |since| since.as_millis()) & ((1 << 48) - 1);
    let hash = fnv1a(stream.as_bytes());
    let hash = (hash ^ (hash >> 16)) & 0xffff;
    EventId::from((millis << 80) | (u128::from(hash) << 64) | u128::from(key.sequence))
}
