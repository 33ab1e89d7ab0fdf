//! Characters that cannot be seen.

use std::fmt;

/// Characters that show nothing, or change the direction of what follows: first, last, and what they are called.
const INVISIBLE: [(char, char, &str); 14] = [
    ('\u{ad}', '\u{ad}', "SOFT HYPHEN"),
    ('\u{34f}', '\u{34f}', "COMBINING GRAPHEME JOINER"),
    ('\u{61c}', '\u{61c}', "ARABIC LETTER MARK"),
    ('\u{115f}', '\u{1160}', "HANGUL FILLER"),
    ('\u{17b4}', '\u{17b5}', "KHMER VOWEL INHERENT"),
    ('\u{180b}', '\u{180f}', "MONGOLIAN SEPARATOR OR SELECTOR"),
    ('\u{200b}', '\u{200d}', "ZERO WIDTH SPACE OR JOINER"),
    (
        '\u{200e}',
        '\u{200f}',
        "LEFT-TO-RIGHT OR RIGHT-TO-LEFT MARK",
    ),
    (
        '\u{202a}',
        '\u{202e}',
        "BIDIRECTIONAL EMBEDDING OR OVERRIDE",
    ),
    (
        '\u{2060}',
        '\u{206f}',
        "INVISIBLE OPERATOR OR BIDIRECTIONAL ISOLATE",
    ),
    ('\u{3164}', '\u{3164}', "HANGUL FILLER"),
    ('\u{feff}', '\u{feff}', "ZERO WIDTH NO-BREAK SPACE"),
    ('\u{ffa0}', '\u{ffa0}', "HALFWIDTH HANGUL FILLER"),
    ('\u{e0000}', '\u{e0fff}', "TAG OR VARIATION SELECTOR"),
];

/// A character that cannot be seen. Displays its number and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invisible(pub(crate) char);

impl fmt::Display for Invisible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = invisible(self.0).unwrap_or("INVISIBLE CHARACTER");
        write!(f, "U+{:04X} {name}", u32::from(self.0))
    }
}

/// What the character is, if it cannot be seen.
pub(crate) fn invisible(char: char) -> Option<&'static str> {
    let found = INVISIBLE
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&char));
    found.map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_invisible_characters_is_sorted() {
        assert!(INVISIBLE.is_sorted());
        assert!(INVISIBLE.iter().all(|(first, last, _)| first <= last));
    }
}
