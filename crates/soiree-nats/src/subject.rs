//! Topics as subjects, and patterns as filters.

use std::fmt::Write;

use soiree_core::{InvalidTopic, OrderingKey, Pattern, validate_topic};

use crate::error::NatsError;
use crate::partition::{self, MAX_PARTITIONS};

/// The segment below the prefix that dead messages go to. No topic maps to it, as `$` is written as `%24`.
const DEAD: &str = "$dead";

/// How long a subject may be that the program names.
const MAX_SUBJECT: usize = 1_024;

/// How topics map to subjects: `order.paid` to `acme.order.paid`, where `acme` is the prefix.
///
/// Letters, digits, `_` and `-` stay. Every other byte of a segment is written as `%` and two hexadecimal digits, so each valid topic
/// maps to one valid subject, and back.
///
/// ```
/// use soiree_nats::Subjects;
///
/// let subjects = Subjects::new("acme")?;
/// assert_eq!(subjects.subject("user.ann@ice.login"), "acme.user.ann%40ice.login");
/// assert_eq!(subjects.topic("acme.user.ann%40ice.login")?, "user.ann@ice.login");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Partitions
/// In a stream with [partitions](crate::NatsBuilder::partitions) the number of the partition comes before the topic: `acme.3.order.paid`. It
/// is the remainder of the key's hash, FNV-1a with 32 bits, divided by how many partitions there are. The hash is that of the bytes of the
/// text, or of the decimal digits if the key is a number. A subject mapping of the server makes the same of a token, by
/// `acme.{{partition(8,1)}}.order.paid`. It is the same in every version and on every machine.
///
/// ```
/// use soiree_core::OrderingKey;
/// use soiree_nats::Subjects;
///
/// let subjects = Subjects::partitioned("acme", 8)?;
/// let subject = subjects.keyed_subject("order.paid", &OrderingKey::from("ann"));
/// assert_eq!(subject, "acme.0.order.paid");
/// assert_eq!(subjects.topic(&subject)?, "order.paid");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    prefix: Box<str>,
    partitions: Option<u32>,
}

/// What a consumer asks the server for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// The subject, with the wildcards of NATS.
    pub subject: String,
    /// Whether it delivers exactly what the pattern matches. If not, it delivers more.
    pub is_exact: bool,
}

/// A subject that is no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATopic {
    /// It does not start with the prefix.
    #[error("the subject {subject:?} is not below {prefix}")]
    OtherPrefix {
        /// The subject.
        subject: Box<str>,
        /// The prefix.
        prefix: Box<str>,
    },
    /// It names no partition of the stream.
    #[error("the subject {subject:?} names none of {partitions} partitions after the prefix")]
    NoPartition {
        /// The subject.
        subject: Box<str>,
        /// How many partitions there are.
        partitions: u32,
    },
    /// A segment has a `%` without two hexadecimal digits, or stands for a dot or for bytes that are no text.
    #[error("the subject {subject:?} is no topic: {segment:?} cannot be decoded")]
    Encoding {
        /// The subject.
        subject: Box<str>,
        /// The segment.
        segment: Box<str>,
    },
    /// What it stands for is no valid topic.
    #[error("the subject {subject:?} is no topic: {source}")]
    Invalid {
        /// The subject.
        subject: Box<str>,
        /// What is wrong.
        source: InvalidTopic,
    },
}

impl Subjects {
    /// Subjects below a prefix: one or more segments of letters, digits, `_` and `-`.
    ///
    /// # Errors
    /// If the prefix is empty, has other characters, or is longer than 255 bytes.
    pub fn new(prefix: &str) -> Result<Self, NatsError> {
        let is_plain = |segment: &str| !segment.is_empty() && segment.bytes().all(is_plain_byte);
        if prefix.len() > 255 || !prefix.split('.').all(is_plain) {
            return Err(NatsError::InvalidName {
                what: "prefix",
                name: prefix.into(),
                why: "it must be segments of letters, digits, _ and -, 255 bytes at most",
            });
        }
        Ok(Self {
            prefix: prefix.into(),
            partitions: None,
        })
    }

    /// As [`new`](Subjects::new), for a stream with partitions: 1 to 256.
    ///
    /// # Errors
    /// As [`new`](Subjects::new), and if there are none or too many partitions.
    pub fn partitioned(prefix: &str, partitions: u32) -> Result<Self, NatsError> {
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            return Err(NatsError::Partitions { partitions });
        }
        Ok(Self {
            partitions: Some(partitions),
            ..Self::new(prefix)?
        })
    }

    /// The prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// All subjects below the prefix.
    pub fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// How many partitions there are, if any.
    pub fn partitions(&self) -> Option<u32> {
        self.partitions
    }

    /// The partition of a key. `None` without partitions.
    pub fn partition(&self, key: &OrderingKey) -> Option<u32> {
        let partitions = self.partitions?;
        Some(partition::of_key(key, partitions))
    }

    /// What a stream has to take: everything below the prefix, or the partitions and dead messages.
    pub fn of_stream(&self) -> Vec<String> {
        let Some(partitions) = self.partitions else {
            return vec![self.all()];
        };
        let below = (0..partitions).map(|partition| format!("{}.{partition}.>", self.prefix));
        below.chain([format!("{}.{DEAD}.>", self.prefix)]).collect()
    }

    /// The subject of a topic. The topic is not checked. With partitions, it is in the one of the topic.
    pub fn subject(&self, topic: &str) -> String {
        self.hashed_subject(topic, topic.as_bytes())
    }

    /// The subject of a topic, in the partition of a key. The topic is not checked.
    pub fn keyed_subject(&self, topic: &str, key: &OrderingKey) -> String {
        let mut subject = self.start(self.partition(key));
        push_topic(topic, &mut subject);
        subject
    }

    /// The subject of a topic, in the partition of what `bytes` hash to.
    pub(crate) fn hashed_subject(&self, topic: &str, bytes: &[u8]) -> String {
        let partitions = self.partitions;
        let mut subject = self.start(partitions.map(|of| partition::of_bytes(bytes, of)));
        push_topic(topic, &mut subject);
        subject
    }

    /// The prefix, and the partition if there is one.
    fn start(&self, partition: Option<u32>) -> String {
        match partition {
            Some(partition) => format!("{}.{partition}", self.prefix),
            None => String::from(&*self.prefix),
        }
    }

    /// What is below the prefix, and below the partition if there are some.
    fn below<'a>(&self, subject: &'a str) -> Result<&'a str, NotATopic> {
        let below = subject.strip_prefix(&*self.prefix);
        let Some(below) = below.and_then(|rest| rest.strip_prefix('.')) else {
            return Err(NotATopic::OtherPrefix {
                subject: subject.into(),
                prefix: self.prefix.clone(),
            });
        };
        let Some(partitions) = self.partitions else {
            return Ok(below);
        };
        let is_one = |text: &str| {
            let number = text.parse().ok().filter(|number| *number < partitions);
            number.is_some_and(|number: u32| number.to_string() == text)
        };
        match below.split_once('.') {
            Some((partition, topic)) if is_one(partition) => Ok(topic),
            _ => Err(NotATopic::NoPartition {
                subject: subject.into(),
                partitions,
            }),
        }
    }

    /// The topic of a subject. Subjects of other publishers are read too, if what they stand for is a topic.
    ///
    /// # Errors
    /// If it is not below the prefix, or stands for no valid topic.
    pub fn topic(&self, subject: &str) -> Result<String, NotATopic> {
        let below = self.below(subject)?;
        let mut topic = String::with_capacity(below.len());
        for (at, segment) in below.split('.').enumerate() {
            if at > 0 {
                topic.push('.');
            }
            let decoded = decode(segment).filter(|decoded| !decoded.contains('.'));
            topic += &decoded.ok_or_else(|| NotATopic::Encoding {
                subject: subject.into(),
                segment: segment.into(),
            })?;
        }
        match validate_topic(&topic) {
            Ok(()) => Ok(topic),
            Err(source) => Err(NotATopic::Invalid {
                subject: subject.into(),
                source,
            }),
        }
    }

    /// The filter that delivers what a pattern matches, of all partitions. A `**` that is not the last segment becomes `>`, which delivers
    /// more.
    pub fn filter(&self, pattern: &Pattern) -> Filter {
        let mut start = self.start(None);
        if self.partitions.is_some() {
            start.push_str(".*");
        }
        filter(start, pattern)
    }

    /// As [`filter`](Subjects::filter), of one partition.
    pub(crate) fn filter_of(&self, partition: u32, pattern: &Pattern) -> Filter {
        filter(self.start(Some(partition)), pattern)
    }

    /// The subject that messages go to which a consumer cannot handle.
    pub fn dead(&self, consumer: &str) -> String {
        format!("{}.{DEAD}.{consumer}", self.prefix)
    }

    /// Whether the subject is that of dead messages of some consumer.
    pub(crate) fn is_dead(&self, subject: &str) -> bool {
        let below = subject.strip_prefix(&*self.prefix);
        let first = below.and_then(|below| below.strip_prefix('.'));
        first.is_some_and(|below| below.split('.').next() == Some(DEAD))
    }
}

fn push_topic(topic: &str, subject: &mut String) {
    for segment in topic.split('.') {
        subject.push('.');
        encode(segment, subject);
    }
}

fn filter(mut subject: String, pattern: &Pattern) -> Filter {
    let mut segments = pattern.as_str().split('.').peekable();
    while let Some(segment) = segments.next() {
        subject.push('.');
        match segment {
            "*" => subject.push('*'),
            "**" => {
                subject.push('>');
                return Filter {
                    subject,
                    is_exact: segments.peek().is_none(),
                };
            }
            _ => encode(segment, &mut subject),
        }
    }
    Filter {
        subject,
        is_exact: true,
    }
}

const fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn encode(segment: &str, subject: &mut String) {
    for byte in segment.bytes() {
        match is_plain_byte(byte) {
            true => subject.push(char::from(byte)),
            false => write!(subject, "%{byte:02X}").expect("writing to a string does not fail"),
        }
    }
}

/// Without `%` and two hexadecimal digits. `None` if something else follows a `%`, or if it is no text.
pub(crate) fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.into());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

/// Whether a subject of a stream takes every subject that `wanted` stands for. Both may have the wildcards of NATS.
pub(crate) fn takes(subject: &str, wanted: &str) -> bool {
    let mut wanted = wanted.split('.');
    let mut own = subject.split('.');
    loop {
        match (own.next(), wanted.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// What must hold for a subject that is published to.
pub(crate) fn check_subject(what: &'static str, subject: &str) -> Result<(), NatsError> {
    let is_forbidden = |char: char| char.is_whitespace() || char.is_control();
    let is_wrong = |token: &str| matches!(token, "" | "*" | ">") || token.contains(is_forbidden);
    if subject.len() > MAX_SUBJECT || subject.split('.').any(is_wrong) {
        return Err(NatsError::InvalidName {
            what,
            name: subject.into(),
            why: "it must be segments without spaces and wildcards, 1024 bytes at most",
        });
    }
    Ok(())
}

/// What must hold for the name of a stream or a consumer.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), NatsError> {
    let is_forbidden = |char: char| {
        char.is_whitespace() || char.is_control() || matches!(char, '.' | '*' | '>' | '/' | '\\')
    };
    if name.is_empty() || name.len() > 128 || name.contains(is_forbidden) {
        return Err(NatsError::InvalidName {
            what,
            name: name.into(),
            why: "it must be 1 to 128 bytes without spaces, dots, *, >, / and \\",
        });
    }
    Ok(())
}
