//! Which topics are durable, and how their payloads are written down.

use std::sync::Arc;

use soiree_core::codec::Codec;
use soiree_core::panic::{Contained, caught};
use soiree_core::registry::{PatternMap, Specificity, overlap, specificity};
use soiree_core::store::Record;
use soiree_core::{BoxError, Pattern, Payload};
use soiree_engine::NotStored;

/// Codecs by pattern. The most specific one that matches a topic writes its payloads.
#[derive(Default)]
pub(crate) struct Codecs {
    by_pattern: PatternMap<Entry>,
    patterns: Vec<Pattern>,
}

struct Entry {
    specificity: Specificity,
    codec: Arc<Contained<Box<dyn Codec>>>,
}

impl Codecs {
    /// Replaces the codec of the same pattern.
    pub(crate) fn insert(&mut self, pattern: Pattern, codec: Box<dyn Codec>) {
        let entry = Entry {
            specificity: specificity(&pattern),
            codec: Arc::new(Contained::new(codec)),
        };
        self.by_pattern.insert(&pattern, entry);
        if !self.patterns.contains(&pattern) {
            self.patterns.push(pattern);
        }
    }

    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a durable topic may match this pattern.
    pub(crate) fn overlap(&self, pattern: &Pattern) -> bool {
        self.patterns
            .iter()
            .any(|durable| overlap(durable, pattern))
    }

    pub(crate) fn is_durable(&self, topic: &str) -> bool {
        self.of_topic(topic).is_some()
    }

    /// The codec of a topic. `None` if the topic is not durable.
    pub(crate) fn of_topic(&self, topic: &str) -> Option<&dyn Codec> {
        let entry = self
            .by_pattern
            .best_match(topic, |entry| entry.specificity)?;
        Some(&***entry.codec)
    }

    /// Reads the payload of a stored event. The error says what is wrong.
    pub(crate) fn decode(&self, record: &Record) -> Result<Payload, Box<str>> {
        if let Some(damage) = &record.damage {
            return Err(format!("the stored event is damaged: {damage}").into());
        }
        let event = &record.event;
        let Some(codec) = self.of_topic(&event.topic) else {
            let name = &event.codec;
            return Err(
                format!("no codec for the topic; its payload was written by {name:?}").into(),
            );
        };
        // The codec's error is the program's: it is shown and dropped in here too.
        let decoded = caught(|| {
            let payload = codec.decode(&event.codec, &event.payload);
            payload.map_err(|error| error.to_string())
        });
        match decoded {
            Ok(Ok(payload)) => Ok(payload),
            Ok(Err(error)) => Err(format!("the payload cannot be decoded: {error}").into()),
            Err(panic) => Err(format!("decoding the payload panicked: {}", panic.message()).into()),
        }
    }
}

/// Writes a payload down. Returns the name of the codec as well.
pub(crate) fn encode(
    codec: &dyn Codec,
    payload: &Payload,
) -> Result<(Box<str>, Vec<u8>), NotStored> {
    let encoded = caught(|| {
        let bytes = codec.encode(payload);
        (Box::<str>::from(codec.name()), bytes)
    });
    let failed = |codec: Box<str>, source: BoxError| NotStored::Encode {
        codec,
        source: Arc::new(source),
    };
    match encoded {
        Ok((name, Ok(bytes))) => Ok((name, bytes)),
        Ok((name, Err(error))) => Err(failed(name, error)),
        Err(panic) => {
            let message = format!("it panicked: {}", panic.message());
            Err(failed("of this topic".into(), message.into()))
        }
    }
}
