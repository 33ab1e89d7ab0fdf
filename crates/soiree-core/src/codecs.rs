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
    heads: Heads,
}

/// With which bytes the patterns begin. An outbox asks for each event that passes through, and most begin with another one.
#[derive(Default)]
struct Heads([u64; 4]);

impl Heads {
    fn of(patterns: &[Pattern]) -> Self {
        let mut heads = Self::default();
        for pattern in patterns {
            match pattern.as_str().as_bytes().first() {
                // A wildcard, which any byte may match.
                Some(b'*') => return Self([u64::MAX; 4]),
                Some(first) => heads.0[usize::from(first / 64)] |= 1 << (first % 64),
                None => {}
            }
        }
        heads
    }

    #[inline]
    fn may_match(&self, topic: &str) -> bool {
        let first = topic.as_bytes().first();
        first.is_some_and(|first| self.0[usize::from(first / 64)] & 1 << (first % 64) != 0)
    }
}

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
        self.heads = Heads::of(&self.patterns);
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
    #[inline]
    pub fn has(&self, topic: &str) -> bool {
        self.of_topic(topic).is_some()
    }

    /// The name of the topic's codec, if it has one.
    pub fn name(&self, topic: &str) -> Option<Box<str>> {
        let codec = self.of_topic(topic)?;
        caught(|| Box::<str>::from(codec.name())).ok()
    }

    /// The codec of a topic, if it has one. A call of it may panic; see [`encode_with`](Self::encode_with).
    #[inline]
    pub fn of_topic(&self, topic: &str) -> Option<&dyn Codec> {
        if !self.heads.may_match(topic) {
            return None;
        }
        self.best_match(topic)
    }

    fn best_match(&self, topic: &str) -> Option<&dyn Codec> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Raw;

    /// D1: whether a topic has a codec depends on the patterns alone, however many there are and however they begin.
    #[test]
    fn a_topic_has_a_codec_if_a_pattern_matches_it() {
        let many = (0..=9).map(|number| format!("many{number}.*"));
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
