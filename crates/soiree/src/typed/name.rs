//! Checking names at compile time.

/// Panics if the name is invalid, which is a compile error in a `const`. Repeats the rules of
/// [`validate_topic`](crate::validate_topic) and [`Pattern::new`](crate::Pattern::new), which are not `const`.
pub(super) const fn check(name: &str, wildcards: bool) {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty(), "the topic is empty");
    assert!(
        bytes.len() <= crate::MAX_TOPIC_LEN,
        "the topic is longer than 255 bytes"
    );
    let (mut at, mut start) = (0, 0);
    let (mut double_wildcards, mut was_double) = (0, false);
    while at <= bytes.len() {
        if at == bytes.len() || bytes[at] == b'.' {
            assert!(at > start, "a segment of the topic is empty");
            let is_double = check_wildcard(bytes, start, at, wildcards) == 2;
            if is_double && !was_double {
                double_wildcards += 1;
            }
            was_double = is_double;
            start = at + 1;
            at += 1;
        } else {
            let (char, len) = decode(bytes, at);
            assert!(
                !is_forbidden(char),
                "the topic holds whitespace, a control character, `?` or `[`"
            );
            at += len;
        }
    }
    assert!(
        double_wildcards <= crate::MAX_DOUBLE_WILDCARDS,
        "the pattern has more than 8 `**`"
    );
}

/// Returns how many `*` the segment has.
const fn check_wildcard(bytes: &[u8], start: usize, end: usize, wildcards: bool) -> usize {
    let mut stars = 0;
    let mut at = start;
    while at < end {
        if bytes[at] == b'*' {
            stars += 1;
        }
        at += 1;
    }
    if stars > 0 {
        assert!(
            stars == end - start && stars <= 2,
            "a wildcard must be a whole segment, `*` or `**`"
        );
        assert!(wildcards, "a wildcard is allowed in a pattern only");
    }
    stars
}

/// Returns the character that starts at `at`, and its length in bytes. `bytes` is valid UTF-8.
const fn decode(bytes: &[u8], at: usize) -> (u32, usize) {
    const fn low(byte: u8) -> u32 {
        (byte & 0x3f) as u32
    }
    match bytes[at] {
        first @ 0..0x80 => (first as u32, 1),
        first @ 0x80..0xe0 => (((first & 0x1f) as u32) << 6 | low(bytes[at + 1]), 2),
        first @ 0xe0..0xf0 => {
            let high = ((first & 0x0f) as u32) << 12;
            (high | low(bytes[at + 1]) << 6 | low(bytes[at + 2]), 3)
        }
        first => {
            let high = ((first & 0x07) as u32) << 18 | low(bytes[at + 1]) << 12;
            (high | low(bytes[at + 2]) << 6 | low(bytes[at + 3]), 4)
        }
    }
}

/// Whitespace and control characters of Unicode, and two characters that have a meaning in other systems.
const fn is_forbidden(char: u32) -> bool {
    matches!(
        char,
        0..=0x20 | 0x7f..=0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000
    ) || char == b'?' as u32
        || char == b'[' as u32
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::{Pattern, validate_topic};

    fn agrees(name: &str) {
        let checked = |wildcards| catch_unwind(|| check(name, wildcards)).is_ok();
        assert_eq!(checked(false), validate_topic(name).is_ok(), "{name:?}");
        assert_eq!(checked(true), Pattern::new(name).is_ok(), "{name:?}");
    }

    /// T1: the same characters are valid at compile time and at run time.
    #[test]
    fn every_character_is_judged_as_at_run_time() {
        for char in '\0'..=char::MAX {
            let valid = validate_topic(&format!("a{char}b")).is_ok();
            let special = char == '*' || char == '.';
            assert_eq!(!is_forbidden(char.into()), valid || special, "{char:?}");
            let text = String::from(char);
            assert_eq!(decode(text.as_bytes(), 0), (char.into(), char.len_utf8()));
        }
    }

    /// T1
    #[test]
    fn names_are_judged_as_at_run_time() {
        let long = "a".repeat(255);
        let most_wildcards = "**.a.".repeat(8) + "b";
        let too_many = "**.a.".repeat(9) + "b";
        let in_a_row = "**.".repeat(9) + &most_wildcards;
        for name in [
            "",
            ".",
            "a",
            "a.b",
            ".a",
            "a.",
            "a..b",
            "*",
            "**",
            "***",
            "a.*",
            "a.**.b",
            "a*",
            "*a.b",
            "a.b*c",
            "a b",
            "a.\u{85}",
            "é.ü",
            "日本.*",
            "🦀.🦀",
            &long,
            &most_wildcards,
            &too_many,
            &in_a_row,
        ] {
            agrees(name);
        }
        agrees(&(long + "a"));
    }
}
