//! Codecs by topic.

use std::sync::Arc;

use crate::codec::Codec;
use crate::listener::BoxError;
use crate::panic::{Contained, caught};
use crate::payload::Payload;
use crate::registry::{PatternMap, Specificity, overlap, specificity};
use crate::topic::Pattern;

/// Codecs by pattern. The most specific pattern that matches a topic decides which codec writes its payloads.
///
/// A codec that panics fails: the panic is caught.
///
/// ```
/// use soiree_core::codec::{Raw, Text};
/// use soiree_core::{Codecs, Pattern, Payload};
///
/// let mut codecs = Codecs::default();
/// codecs.insert(Pattern::new("hook.**")?, Box::new(Raw));
/// codecs.insert(Pattern::new("hook.note")?, Box::new(Text));
/// let (name, bytes) = codecs.encode("hook.note", &Payload::new(String::from("hi")))?;
/// assert_eq!((&*name, &*bytes), ("text", &b"hi"[..]));
/// assert!(codecs.decode("hook.push", "raw", &[1, 2]).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Codecs {
    by_pattern: PatternMap<Entry>,
    patterns: Vec<Pattern>,
    /// Unless it is a wildcard in one of them, the first segment of each pattern, if there are few.
    heads: Option<Vec<Box<str>>>,
}

/// More take longer to compare than to match all patterns.
const MOST_HEADS: usize = 8;

struct Entry {
    specificity: Specificity,
    codec: Arc<Contained<Box<dyn Codec>>>,
}

/// A payload was not written down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// No codec matches the topic.
    #[error("there is no codec for the topic")]
    NoCodec,
    /// The codec returned an error, or panicked.
    #[error("the codec {codec} cannot write the payload: {source}")]
    Failed {
        /// The name of the codec.
        codec: Box<str>,
        /// What it returned, or the message of its panic.
        source: BoxError,
    },
}

/// The bytes of a payload were not read. Says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(Box<str>);

impl Codecs {
    /// Adds a codec. Replaces that of the same pattern.
    pub fn insert(&mut self, pattern: Pattern, codec: Box<dyn Codec>) {
        let entry = Entry {
            specificity: specificity(&pattern),
            codec: Arc::new(Contained::new(codec)),
        };
        self.by_pattern.insert(&pattern, entry);
        if !self.patterns.contains(&pattern) {
            self.patterns.push(pattern);
        }
        self.heads = heads(&self.patterns);
    }

    /// The patterns, in the order in which they were added.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a topic that has a codec may match this pattern.
    pub fn overlap(&self, pattern: &Pattern) -> bool {
        self.patterns.iter().any(|own| overlap(own, pattern))
    }

    /// Whether the topic has a codec.
    pub fn has(&self, topic: &str) -> bool {
        self.of_topic(topic).is_some()
    }

    /// The name of the topic's codec, if it has one.
    pub fn name(&self, topic: &str) -> Option<Box<str>> {
        let codec = self.of_topic(topic)?;
        caught(|| Box::<str>::from(codec.name())).ok()
    }

    /// The codec of a topic, if it has one. A call of it may panic; see [`encode_with`](Self::encode_with).
    pub fn of_topic(&self, topic: &str) -> Option<&dyn Codec> {
        let begins_with = |head: &str| {
            let rest = topic.strip_prefix(head);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // An outbox asks for each event that passes through, and most have another first segment.
        let heads = self.heads.as_deref();
        if heads.is_some_and(|heads| !heads.iter().any(|head| begins_with(head))) {
            return None;
        }
        let entry = self
            .by_pattern
            .best_match(topic, |entry| entry.specificity)?;
        Some(&***entry.codec)
    }

    /// Writes a payload down. Returns the name of the codec as well.
    ///
    /// # Errors
    /// If no codec matches the topic, or the codec fails.
    pub fn encode(
        &self,
        topic: &str,
        payload: &Payload,
    ) -> Result<(Box<str>, Vec<u8>), EncodeError> {
        let codec = self.of_topic(topic).ok_or(EncodeError::NoCodec)?;
        Self::encode_with(codec, payload)
    }

    /// Writes a payload down with this codec. Returns its name as well.
    ///
    /// # Errors
    /// If the codec fails, or panics.
    pub fn encode_with(
        codec: &dyn Codec,
        payload: &Payload,
    ) -> Result<(Box<str>, Vec<u8>), EncodeError> {
        let encoded = caught(|| {
            let bytes = codec.encode(payload);
            (Box::<str>::from(codec.name()), bytes)
        });
        match encoded {
            Ok((codec, Ok(bytes))) => Ok((codec, bytes)),
            Ok((codec, Err(source))) => Err(EncodeError::Failed { codec, source }),
            Err(panic) => {
                let message = format!("it panicked: {}", panic.message());
                Err(EncodeError::Failed {
                    codec: "of this topic".into(),
                    source: message.into(),
                })
            }
        }
    }

    /// Reads a payload that a codec of this name has written.
    ///
    /// # Errors
    /// If no codec matches the topic, or the codec fails.
    pub fn decode(&self, topic: &str, name: &str, bytes: &[u8]) -> Result<Payload, DecodeError> {
        let Some(codec) = self.of_topic(topic) else {
            let why = format!("no codec for the topic; its payload was written by {name:?}");
            return Err(DecodeError(why.into()));
        };
        // The codec's error is the program's: it is shown and dropped in here too.
        let decoded = caught(|| {
            let payload = codec.decode(name, bytes);
            payload.map_err(|error| error.to_string())
        });
        let why = match decoded {
            Ok(Ok(payload)) => return Ok(payload),
            Ok(Err(error)) => format!("the payload cannot be decoded: {error}"),
            Err(panic) => format!("decoding the payload panicked: {}", panic.message()),
        };
        Err(DecodeError(why.into()))
    }
}

fn heads(patterns: &[Pattern]) -> Option<Vec<Box<str>>> {
    let mut heads: Vec<Box<str>> = Vec::new();
    for pattern in patterns {
        let text = pattern.as_str();
        let head = text.split_once('.').map_or(text, |(head, _)| head);
        if head.contains('*') {
            return None;
        }
        if !heads.iter().any(|known| **known == *head) {
            heads.push(head.into());
        }
    }
    (heads.len() <= MOST_HEADS).then_some(heads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Raw;

    /// D1: whether a topic has a codec depends on the patterns alone, however many there are and however they begin.
    #[test]
    fn a_topic_has_a_codec_if_a_pattern_matches_it() {
        let many = (0..=MOST_HEADS).map(|number| format!("many{number}.*"));
        let many: Vec<String> = many.collect();
        let sets: [Vec<&str>; 5] = [
            vec![],
            vec!["a.*", "a.b.c", "b"],
            vec!["a.**", "**.b"],
            vec!["*.a"],
            many.iter().map(String::as_str).collect(),
        ];
        let topics = [
            "a", "a.a", "a.b", "a.b.c", "b", "b.a", "b.b", "ab", "many3.x", "many3", "", ".", "a.",
        ];
        for patterns in sets {
            let mut codecs = Codecs::default();
            let mut parsed = Vec::new();
            for pattern in &patterns {
                let pattern = Pattern::new(pattern).unwrap();
                codecs.insert(pattern.clone(), Box::new(Raw));
                parsed.push(pattern);
            }
            for topic in topics {
                let matched = parsed.iter().any(|pattern| pattern.matches(topic));
                assert_eq!(codecs.has(topic), matched, "{topic:?} {patterns:?}");
            }
        }
    }
}
