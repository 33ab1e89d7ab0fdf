//! Segments of topics that are made of texts from outside.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::invisible::invisible;
use crate::topic::{InvalidTopic, InvalidTopicKind, invalid, validate_topic};

/// Checks that a text from outside, such as the name of a tenant, may be one segment of a topic.
///
/// Stricter than [`validate_topic`]: it has no dot, no wildcard, and no invisible or bidirectional character, with which two names could
/// look the same. To use any text, call [`escape_segment`].
///
/// # Errors
/// If the text is empty or too long, or has such a character. The error says which one and where.
///
/// ```
/// use soiree_core::validate_segment;
///
/// assert!(validate_segment("acme").is_ok());
/// assert_eq!(
///     validate_segment("acme.eu").unwrap_err().to_string(),
///     r#"invalid topic "acme.eu": '.' at byte 4 is not allowed in a segment"#,
/// );
/// assert_eq!(
///     validate_segment("ac\u{202e}me").unwrap_err().to_string(),
///     "invalid topic \"ac\\u{202e}me\": U+202E BIDIRECTIONAL EMBEDDING OR OVERRIDE at byte 2 cannot be seen",
/// );
/// ```
pub fn validate_segment(text: &str) -> Result<(), InvalidTopic> {
    validate_topic(text)?;
    let mut chars = text.char_indices();
    let found = chars.find(|&(_, char)| char == '.' || invisible(char).is_some());
    let Some((at, found)) = found else {
        return Ok(());
    };
    let kind = match found {
        '.' => InvalidTopicKind::DotInSegment { at },
        _ => InvalidTopicKind::InvisibleChar { found, at },
    };
    Err(invalid(text, kind))
}

/// Makes one valid segment of any text. [`unescape_segment`] returns the text again, and no two texts make the same segment.
///
/// What [`validate_segment`] does not accept is written as the `%` and two hexadecimal digits of each byte, as in addresses of web pages,
/// and so is `%` itself. An empty text becomes `%`. A text of plain letters and digits stays as it is.
///
/// The segment can be too long for a topic: it has up to three times the bytes of the text.
///
/// ```
/// use soiree_core::{escape_segment, unescape_segment, validate_topic};
///
/// let user = escape_segment("ann@example.com");
/// assert_eq!(user, "ann@example%2Ecom");
/// assert!(validate_topic(&format!("acme.{user}.created")).is_ok());
/// assert_eq!(unescape_segment(&user).as_deref(), Some("ann@example.com"));
/// ```
pub fn escape_segment(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return Cow::Borrowed("%");
    }
    let whole = matches!(text, "*" | "**" | "#" | "+" | ">");
    if !whole && !text.chars().any(must_escape) {
        return Cow::Borrowed(text);
    }
    let mut segment = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if !whole && !must_escape(char) {
            segment.push(char);
            continue;
        }
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a text does not fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    Cow::Owned(segment)
}

/// Returns the text that [`escape_segment`] made this segment of. `None` if it did not make it.
pub fn unescape_segment(segment: &str) -> Option<Cow<'_, str>> {
    let text = match segment {
        "%" => Cow::Borrowed(""),
        _ if !segment.contains('%') => Cow::Borrowed(segment),
        _ => Cow::Owned(unescape(segment)?),
    };
    (escape_segment(&text) == segment).then_some(text)
}

fn unescape(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn must_escape(char: char) -> bool {
    matches!(char, '.' | '*' | '?' | '[' | '%')
        || char.is_whitespace()
        || char.is_control()
        || invisible(char).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::topic::MAX_TOPIC_LEN;

    proptest! {
        /// T1: any text can be a segment, and is read again.
        #[test]
        fn an_escaped_text_is_a_segment_and_reads_as_before(text in ".{0,60}|[.*?\\[%#+> \u{202e}]{0,4}") {
            let segment = escape_segment(&text).into_owned();
            if segment.len() <= MAX_TOPIC_LEN {
                prop_assert_eq!(validate_segment(&segment), Ok(()));
            }
            let read = unescape_segment(&segment);
            prop_assert_eq!(read.as_deref(), Some(&*text));
        }

        /// T1: no two texts share a segment, so what was not escaped does not read.
        #[test]
        fn what_reads_as_a_text_is_its_segment(segment in "[a%.*2E5#]{0,8}") {
            if let Some(text) = unescape_segment(&segment) {
                prop_assert_eq!(&*escape_segment(&text), &*segment);
            }
        }
    }

    /// T1
    #[test]
    fn a_segment_from_outside_has_no_dot_wildcard_or_invisible_character() {
        for (text, expected) in [
            ("", "it is empty"),
            ("a.b", "'.' at byte 1 is not allowed in a segment"),
            ("*", "the wildcard at byte 0 is allowed in a pattern only"),
            ("a b", "' ' at byte 1 is not allowed"),
            (
                "é\u{200b}",
                "U+200B ZERO WIDTH SPACE OR JOINER at byte 2 cannot be seen",
            ),
            (
                "\u{feff}a",
                "U+FEFF ZERO WIDTH NO-BREAK SPACE at byte 0 cannot be seen",
            ),
        ] {
            let error = validate_segment(text).unwrap_err();
            assert_eq!(error.kind.to_string(), expected, "{text:?}");
        }
        assert_eq!(validate_segment("日本"), Ok(()));
        assert!(validate_segment(&"a".repeat(MAX_TOPIC_LEN + 1)).is_err());
    }
}
