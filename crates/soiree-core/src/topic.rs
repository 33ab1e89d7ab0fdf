//! Topic names and patterns.

use std::fmt;
use std::sync::Arc;

/// The longest topic or pattern, in bytes.
pub const MAX_TOPIC_LEN: usize = 255;

/// A name that is no topic, or no pattern: what is wrong with it, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid topic {shown:?}: {kind}", shown = Shown(.name))]
#[non_exhaustive]
pub struct InvalidTopic {
    /// The name, cut to [`MAX_TOPIC_LEN`] bytes.
    pub name: Box<str>,
    /// What is wrong, and where.
    pub kind: InvalidTopicKind,
}

/// What is wrong with a topic. Positions are in bytes from the start of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTopicKind {
    /// There is no name.
    #[error("it is empty")]
    Empty,
    /// It is too long.
    #[error("it has {len} bytes, {MAX_TOPIC_LEN} are allowed")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// Nothing stands between two dots, before the first, or after the last.
    #[error("the segment at byte {at} is empty")]
    EmptySegment {
        /// Where the segment would start.
        at: usize,
    },
    /// A space, a control character, `?` or `[`.
    #[error("{found:?} at byte {at} is not allowed")]
    ForbiddenChar {
        /// The character.
        found: char,
        /// Where.
        at: usize,
    },
    /// A `*` beside other characters in its segment.
    #[error("the wildcard at byte {at} must be a whole segment, `*` or `**`")]
    PartialWildcard {
        /// Where.
        at: usize,
    },
    /// A wildcard in a topic that is emitted.
    #[error("the wildcard at byte {at} is allowed in a pattern only")]
    WildcardInTopic {
        /// Where.
        at: usize,
    },
}

struct Shown<'a>(&'a str);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

/// Checks a name that is to be emitted.
///
/// # Errors
/// If it is not 1 to 255 bytes of non-empty segments with dots between them, or holds whitespace, control characters,
/// `?`, `[` or a wildcard.
///
/// ```
/// use soiree_core::validate_topic;
/// assert!(validate_topic("acme.ann.invoice.paid").is_ok());
/// assert_eq!(
///     validate_topic("acme..paid").unwrap_err().to_string(),
///     r#"invalid topic "acme..paid": the segment at byte 5 is empty"#,
/// );
/// ```
pub fn validate_topic(name: &str) -> Result<(), InvalidTopic> {
    match check(name) {
        Ok(None) => Ok(()),
        Ok(Some(at)) => Err(invalid(name, InvalidTopicKind::WildcardInTopic { at })),
        Err(kind) => Err(invalid(name, kind)),
    }
}

fn invalid(name: &str, kind: InvalidTopicKind) -> InvalidTopic {
    let mut end = name.len().min(MAX_TOPIC_LEN);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    InvalidTopic {
        name: name[..end].into(),
        kind,
    }
}

const ORDINARY: u8 = 0;
const DOT: u8 = 1;
const OTHER: u8 = 2;
const KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [OTHER; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        kinds[byte as usize] = match byte {
            b'.' => DOT,
            b'?' | b'[' | b'*' => OTHER,
            _ => ORDINARY,
        };
        byte += 1;
    }
    kinds
}

/// Whether it is sound, of ASCII and without wildcards, as nearly every topic is: found out without a branch for each byte.
fn is_ordinary(name: &str) -> bool {
    let (mut bad, mut last) = (0, DOT);
    for &byte in name.as_bytes() {
        let kind = KINDS[usize::from(byte)];
        bad |= (kind & OTHER) | (kind & last);
        last = kind;
    }
    bad == 0 && last == ORDINARY && name.len() <= MAX_TOPIC_LEN
}

/// Says where the first wildcard segment starts, if there is one.
fn check(name: &str) -> Result<Option<usize>, InvalidTopicKind> {
    if is_ordinary(name) {
        return Ok(None);
    }
    look_closely(name)
}

fn look_closely(name: &str) -> Result<Option<usize>, InvalidTopicKind> {
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
        } else if let Some(offset) = segment.find('*') {
            return Err(InvalidTopicKind::PartialWildcard { at: start + offset });
        }
        start += segment.len() + 1;
    }
    Ok(wildcard)
}

/// What a listener subscribes with: a topic in which a whole segment may be a wildcard.
///
/// `*` stands for one segment, `**` for zero or more; as the last segment `**` stands for one or more. Neighbouring `**`
/// mean what one of them means, and are stored as one.
///
/// ```
/// use soiree_core::Pattern;
/// let pattern: Pattern = "acme.**.paid".parse()?;
/// assert!(pattern.matches("acme.paid"));
/// assert!(pattern.matches("acme.ann.invoice.paid"));
/// assert!(!Pattern::new("event.**")?.matches("event"));
/// # Ok::<(), soiree_core::InvalidTopic>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: Arc<str>,
    literal: bool,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// As [`validate_topic`], but wildcards are allowed where they are a whole segment.
    pub fn new(text: &str) -> Result<Self, InvalidTopic> {
        let literal = check(text).map_err(|kind| invalid(text, kind))?.is_none();
        if !text.contains("**.**") {
            return Ok(Self {
                text: text.into(),
                literal,
            });
        }
        let mut segments: Vec<&str> = text.split('.').collect();
        segments.dedup_by(|a, b| *a == "**" && a == b);
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

    /// Whether it has no wildcard, and so matches one topic only.
    pub fn is_literal(&self) -> bool {
        self.literal
    }

    /// Whether it matches the topic. At worst segments of the topic times segments of the pattern.
    pub fn matches(&self, topic: &str) -> bool {
        if self.literal {
            return *self.text == *topic;
        }
        // Greedy, with one point to go back to: as in file name globs, only the last `**` can need to take more.
        let mut pattern = self.text.split('.');
        let mut rest = topic.split('.');
        let mut back = None;
        loop {
            let before = rest.clone();
            match (pattern.next(), rest.next()) {
                (None, None) => return true,
                (Some("**"), segment) => {
                    if pattern.clone().next().is_none() {
                        return segment.is_some();
                    }
                    back = Some((pattern.clone(), before.clone()));
                    rest = before;
                }
                (Some("*"), Some(_)) => {}
                (Some(wanted), Some(found)) if wanted == found => {}
                _ => {
                    let Some((after_globstar, taken)) = &mut back else {
                        return false;
                    };
                    if taken.next().is_none() {
                        return false;
                    }
                    pattern = after_globstar.clone();
                    rest = taken.clone();
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

    /// T1: the short cut takes for sound what is sound, and of ASCII all that is.
    #[test]
    fn an_ordinary_name_is_one_with_nothing_to_find_fault_with() {
        const CHARS: [char; 10] = ['a', '.', '*', '?', '[', ' ', '\u{7f}', 'é', '~', '!'];
        let mut names = vec![String::new()];
        for length in 0..5 {
            for name in &names {
                let sound = look_closely(name) == Ok(None);
                assert_eq!(is_ordinary(name), sound && name.is_ascii(), "{name:?}");
            }
            if length < 4 {
                let longer = |name: &String| CHARS.map(|char| format!("{name}{char}"));
                names = names.iter().flat_map(longer).collect();
            }
        }
        for length in [MAX_TOPIC_LEN, MAX_TOPIC_LEN + 1] {
            assert_eq!(is_ordinary(&"a".repeat(length)), length == MAX_TOPIC_LEN);
        }
    }
}
