//! Topic names and patterns.

use std::fmt;
use std::sync::Arc;

use crate::invisible::Invisible;

/// The length limit of topics and patterns, in bytes.
pub const MAX_TOPIC_LEN: usize = 255;

/// How many `**` a pattern may have, several in a row counted as one. This limits how long it takes to match a topic.
pub const MAX_DOUBLE_WILDCARDS: usize = 8;

/// An invalid topic or pattern: what is wrong with it, and where.
#[doc(alias = "ErrInvalidTopicName")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid topic {name:?}: {kind}")]
#[non_exhaustive]
pub struct InvalidTopic {
    /// The name, cut to [`MAX_TOPIC_LEN`] bytes.
    pub name: Box<str>,
    /// What is wrong, and where.
    pub kind: InvalidTopicKind,
}

/// What is wrong with a topic or pattern. Positions are in bytes from the start of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTopicKind {
    /// The name is empty.
    #[error("it is empty")]
    Empty,
    /// The name is longer than [`MAX_TOPIC_LEN`].
    #[error("it has {len} bytes, {MAX_TOPIC_LEN} are allowed")]
    TooLong {
        /// The length of the name.
        len: usize,
    },
    /// A segment is empty: the name starts or ends with a dot, or has two dots in a row.
    #[error("the segment at byte {at} is empty")]
    EmptySegment {
        /// Where the segment would start.
        at: usize,
    },
    /// The name contains whitespace, a control character, `?` or `[`.
    #[error("{found:?} at byte {at} is not allowed")]
    ForbiddenChar {
        /// The character.
        found: char,
        /// Where the character is.
        at: usize,
    },
    /// A segment contains `*` and other characters, or more than two `*`.
    #[error("the wildcard at byte {at} must be a whole segment, `*` or `**`")]
    PartialWildcard {
        /// Where the `*` is.
        at: usize,
    },
    /// A pattern has more `**` than [`MAX_DOUBLE_WILDCARDS`], several in a row counted as one.
    #[error("it has {count} `**`, {MAX_DOUBLE_WILDCARDS} are allowed")]
    TooManyDoubleWildcards {
        /// How many it has.
        count: usize,
    },
    /// A segment is the wildcard of another system: `#` or `+` of MQTT and AMQP, `>` of NATS.
    #[error("{found:?} at byte {at} is a wildcard elsewhere; a pattern has {} for it", instead(*found))]
    ForeignWildcard {
        /// The wildcard.
        found: char,
        /// Where it is.
        at: usize,
    },
    /// A segment from outside contains a dot, which would make several segments of it. See [`validate_segment`](crate::validate_segment).
    #[error("'.' at byte {at} is not allowed in a segment")]
    DotInSegment {
        /// Where the dot is.
        at: usize,
    },
    /// A segment from outside contains a character that cannot be seen. See [`validate_segment`](crate::validate_segment).
    #[error("{} at byte {at} cannot be seen", Invisible(*found))]
    InvisibleChar {
        /// The character.
        found: char,
        /// Where it is.
        at: usize,
    },
    /// A topic contains a wildcard. Only a pattern may.
    #[error("the wildcard at byte {at} is allowed in a pattern only")]
    WildcardInTopic {
        /// Where the wildcard is.
        at: usize,
    },
}

/// Checks the name of a topic, as every emit does.
///
/// A topic has 1 to [`MAX_TOPIC_LEN`] bytes. It consists of segments that are separated by dots and not empty. It contains no
/// whitespace, control character, `?`, `[` or wildcard, and no segment is `#`, `+` or `>`, which are wildcards elsewhere. Case matters.
///
/// # Errors
/// If the name is not a valid topic.
///
/// ```
/// use soiree_core::validate_topic;
/// assert!(validate_topic("acme.ann.invoice.paid").is_ok());
/// assert_eq!(
///     validate_topic("acme..paid").unwrap_err().to_string(),
///     r#"invalid topic "acme..paid": the segment at byte 5 is empty"#,
/// );
/// ```
#[doc(alias = "isValidTopicName")]
#[inline]
pub fn validate_topic(name: &str) -> Result<(), InvalidTopic> {
    match is_plain_ascii(name) {
        true => Ok(()),
        false => validate_any_topic(name),
    }
}

#[inline(never)]
fn validate_any_topic(name: &str) -> Result<(), InvalidTopic> {
    match first_wildcard_segment(name) {
        Ok(None) => Ok(()),
        Ok(Some(at)) => Err(invalid(name, InvalidTopicKind::WildcardInTopic { at })),
        Err(kind) => Err(invalid(name, kind)),
    }
}

/// What to write in a pattern in place of a wildcard of another system.
fn instead(wildcard: char) -> &'static str {
    match wildcard {
        '+' => "`*`",
        _ => "`**`",
    }
}

pub(crate) fn invalid(name: &str, kind: InvalidTopicKind) -> InvalidTopic {
    let mut end = name.len().min(MAX_TOPIC_LEN);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    InvalidTopic {
        name: name[..end].into(),
        kind,
    }
}

const PLAIN: u8 = 0;
const DOT: u8 = 1;
const SPECIAL: u8 = 2;
const CHAR_KINDS: [u8; 256] = char_kinds();

const fn char_kinds() -> [u8; 256] {
    let mut kinds = [SPECIAL; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        kinds[byte as usize] = match byte {
            b'.' => DOT,
            b'?' | b'[' | b'*' | b'#' | b'+' | b'>' => SPECIAL,
            _ => PLAIN,
        };
        byte += 1;
    }
    kinds
}

/// Whether the name is a valid topic of ASCII characters without wildcards of any system, as nearly all are. Takes no branch per byte.
#[inline(never)]
fn is_plain_ascii(name: &str) -> bool {
    let (mut bad, mut last) = (0, DOT);
    for &byte in name.as_bytes() {
        let kind = CHAR_KINDS[usize::from(byte)];
        bad |= (kind & SPECIAL) | (kind & last);
        last = kind;
    }
    bad == 0 && last == PLAIN && name.len() <= MAX_TOPIC_LEN
}

/// Checks a pattern. Returns where its first wildcard starts, if it has one.
fn first_wildcard(name: &str) -> Result<Option<usize>, InvalidTopicKind> {
    if is_plain_ascii(name) {
        return Ok(None);
    }
    first_wildcard_segment(name)
}

fn first_wildcard_segment(name: &str) -> Result<Option<usize>, InvalidTopicKind> {
    if name.is_empty() {
        return Err(InvalidTopicKind::Empty);
    }
    if name.len() > MAX_TOPIC_LEN {
        return Err(InvalidTopicKind::TooLong { len: name.len() });
    }
    let mut wildcard = None;
    let mut start = 0;
    for segment in name.split('.') {
        if segment.is_empty() {
            return Err(InvalidTopicKind::EmptySegment { at: start });
        }
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '?' || c == '[';
        if let Some((offset, found)) = segment.char_indices().find(|&(_, c)| forbidden(c)) {
            return Err(InvalidTopicKind::ForbiddenChar {
                found,
                at: start + offset,
            });
        }
        if segment == "*" || segment == "**" {
            wildcard = wildcard.or(Some(start));
        } else if let Some(found) = foreign_wildcard(segment) {
            return Err(InvalidTopicKind::ForeignWildcard { found, at: start });
        } else if let Some(offset) = segment.find('*') {
            return Err(InvalidTopicKind::PartialWildcard { at: start + offset });
        }
        start += segment.len() + 1;
    }
    Ok(wildcard)
}

/// The wildcard of another system that a segment is. Taken as a name, it would match nothing, and nobody would notice.
fn foreign_wildcard(segment: &str) -> Option<char> {
    match segment {
        "#" => Some('#'),
        "+" => Some('+'),
        ">" => Some('>'),
        _ => None,
    }
}

/// What a listener subscribes to: a topic in which whole segments may be wildcards.
///
/// - `*` matches exactly one segment.
/// - `**` matches any number of segments, including none. As the last segment it matches one or more.
/// - Several `**` in a row match what one of them matches, and are stored as one.
///
/// A pattern has at most [`MAX_TOPIC_LEN`] bytes, and so at most 128 segments, and at most [`MAX_DOUBLE_WILDCARDS`] `**`.
///
/// ```
/// use soiree_core::Pattern;
/// let pattern: Pattern = "acme.**.paid".parse()?;
/// assert!(pattern.matches("acme.paid"));
/// assert!(pattern.matches("acme.ann.invoice.paid"));
/// assert!(!Pattern::new("event.**")?.matches("event"));
/// # Ok::<(), soiree_core::InvalidTopic>(())
/// ```
#[doc(alias("SingleWildcard", "MultiWildcard"))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: Arc<str>,
    literal: bool,
}

impl Pattern {
    /// Checks and stores a pattern.
    ///
    /// # Errors
    /// If the text is not a valid topic, apart from wildcards that are whole segments, or has too many `**`. See [`validate_topic`].
    pub fn new(text: &str) -> Result<Self, InvalidTopic> {
        let wildcard = first_wildcard(text).map_err(|kind| invalid(text, kind))?;
        let literal = wildcard.is_none();
        if !text.contains("**") {
            return Ok(Self {
                text: text.into(),
                literal,
            });
        }
        let mut segments: Vec<&str> = text.split('.').collect();
        segments.dedup_by(|a, b| *a == "**" && a == b);
        let count = segments.iter().filter(|segment| **segment == "**").count();
        if count > MAX_DOUBLE_WILDCARDS {
            let kind = InvalidTopicKind::TooManyDoubleWildcards { count };
            return Err(invalid(text, kind));
        }
        Ok(Self {
            text: segments.join(".").into(),
            literal,
        })
    }

    /// A pattern whose text was checked before.
    pub(crate) fn from_valid(text: &Arc<str>, literal: bool) -> Self {
        Self {
            text: Arc::clone(text),
            literal,
        }
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether the pattern has no wildcard, and so matches a single topic.
    pub fn is_literal(&self) -> bool {
        self.literal
    }

    /// Whether the pattern matches a topic. The topic is not checked.
    ///
    /// Takes time proportional to the segments of the topic times the segments of the pattern at worst. Allocates nothing.
    #[doc(alias = "matchTopicPattern")]
    pub fn matches(&self, topic: &str) -> bool {
        if self.literal {
            return *self.text == *topic;
        }
        // Greedy, and backtracks only to the last `**`: the ones before it never have to match more than they did.
        let mut pattern = self.text.split('.');
        let mut rest = topic.split('.');
        let mut backtrack = None;
        loop {
            let before = rest.clone();
            match (pattern.next(), rest.next()) {
                (None, None) => return true,
                (Some("**"), segment) => {
                    if pattern.clone().next().is_none() {
                        return segment.is_some();
                    }
                    backtrack = Some((pattern.clone(), before.clone()));
                    rest = before;
                }
                (Some("*"), Some(_)) => {}
                (Some(wanted), Some(found)) if wanted == found => {}
                _ => {
                    let Some((after_wildcard, unmatched)) = &mut backtrack else {
                        return false;
                    };
                    if unmatched.next().is_none() {
                        return false;
                    }
                    pattern = after_wildcard.clone();
                    rest = unmatched.clone();
                }
            }
        }
    }
}

impl std::str::FromStr for Pattern {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        Self::new(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl AsRef<str> for Pattern {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T1: the shortcut accepts a name if, and only if, it is a valid topic of ASCII characters without wildcards of any system.
    #[test]
    fn the_shortcut_accepts_exactly_the_valid_topics_of_ascii() {
        const CHARS: [char; 11] = ['a', '.', '*', '?', '[', ' ', '\u{7f}', 'é', '~', '!', '#'];
        let mut names = vec![String::new()];
        for length in 0..5 {
            for name in &names {
                let valid = first_wildcard_segment(name) == Ok(None);
                let plain = name.is_ascii() && !name.contains('#');
                assert_eq!(is_plain_ascii(name), valid && plain, "{name:?}");
            }
            if length < 4 {
                let longer = |name: &String| CHARS.map(|char| format!("{name}{char}"));
                names = names.iter().flat_map(longer).collect();
            }
        }
        for length in [MAX_TOPIC_LEN, MAX_TOPIC_LEN + 1] {
            assert_eq!(is_plain_ascii(&"a".repeat(length)), length == MAX_TOPIC_LEN);
        }
    }
}
