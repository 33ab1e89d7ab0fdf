//! Which topics are durable, and how their payloads are written down.

use std::sync::Arc;

use soiree_core::codec::Codec;
use soiree_core::store::Record;
use soiree_core::{EncodeError, Pattern, Payload};
use soiree_engine::NotStored;

/// The codecs of the durable topics.
#[derive(Default)]
pub(crate) struct Codecs {
    shared: Arc<soiree_core::Codecs>,
}

impl Codecs {
    pub(crate) fn new(codecs: Vec<(Pattern, Box<dyn Codec>)>) -> Self {
        let mut shared = soiree_core::Codecs::default();
        for (pattern, codec) in codecs {
            shared.insert(pattern, codec);
        }
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The same, for integrations.
    pub(crate) fn shared(&self) -> Arc<soiree_core::Codecs> {
        Arc::clone(&self.shared)
    }

    pub(crate) fn patterns(&self) -> &[Pattern] {
        self.shared.patterns()
    }

    /// Whether a durable topic may match this pattern.
    pub(crate) fn overlap(&self, pattern: &Pattern) -> bool {
        self.shared.overlap(pattern)
    }

    #[inline]
    pub(crate) fn is_durable(&self, topic: &str) -> bool {
        self.shared.has(topic)
    }

    /// The codec of a topic. `None` if the topic is not durable.
    pub(crate) fn of_topic(&self, topic: &str) -> Option<&dyn Codec> {
        self.shared.of_topic(topic)
    }

    /// Reads the payload of a stored event. The error says what is wrong.
    pub(crate) fn decode(&self, record: &Record) -> Result<Payload, Box<str>> {
        if let Some(damage) = &record.damage {
            return Err(format!("the stored event is damaged: {damage}").into());
        }
        let event = &record.event;
        let decoded = self
            .shared
            .decode(&event.topic, &event.codec, &event.payload);
        decoded.map_err(|error| error.to_string().into())
    }
}

/// Writes a payload down. Returns the name of the codec as well.
pub(crate) fn encode(
    codec: &dyn Codec,
    payload: &Payload,
) -> Result<(Box<str>, Vec<u8>), NotStored> {
    let encoded = soiree_core::Codecs::encode_with(codec, payload);
    encoded.map_err(|error| match error {
        EncodeError::Failed { codec, source } => NotStored::Encode {
            codec,
            source: Arc::new(source),
        },
        _ => NotStored::NoCodec,
    })
}
