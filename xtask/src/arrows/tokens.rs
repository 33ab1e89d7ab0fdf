//! The tokens of code, as far as imports need them.

use crate::source::is_word;

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// Words, lifetimes, `::`, and all else one character at a time.
pub(super) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (code, 1);
    while let Some(first) = rest.chars().next() {
        let len = if is_word(first) || first == '\'' {
            let tail = &rest[first.len_utf8()..];
            let end = tail.find(|char| !is_word(char)).unwrap_or(tail.len());
            first.len_utf8() + end
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (text, after) = rest.split_at(len);
        if !first.is_whitespace() {
            tokens.push(Token { text, line });
        }
        line += usize::from(first == '\n');
        rest = after;
    }
    tokens
}

/// Whether a token is a word, a keyword included.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|char| is_word(char) && !char.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lifetimes_and_double_colons_are_one_token() {
        let tokens = tokens("a::b1(\n&'c d:e)");
        let texts: Vec<&str> = tokens.iter().map(|token| token.text).collect();
        assert_eq!(texts, ["a", "::", "b1", "(", "&", "'c", "d", ":", "e", ")"]);
        assert_eq!((tokens[3].line, tokens[4].line), (1, 2));
        let names: Vec<bool> = tokens.iter().map(|token| is_name(token.text)).collect();
        assert_eq!(names[..6], [true, false, true, false, false, false]);
    }
}
