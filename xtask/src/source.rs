//! A source file, split into code, comments and literals, so that a word in a string breaks no rule for code.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use crate::result::Result;
use crate::workspace;

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals replaced by blanks; line breaks stay.
    pub(crate) code: String,
    /// The text with everything but comments replaced by blanks; line breaks stay.
    pub(crate) comments: String,
    /// The text with everything but literals replaced by blanks; line breaks stay.
    pub(crate) literals: String,
    /// Whether the whole file is compiled for tests only.
    is_test: bool,
    /// The lines, from 0, of items compiled for tests only.
    test_lines: Vec<Range<usize>>,
}

/// All Rust files of the checkout.
pub(crate) fn all() -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = workspace::texts(&["*.rs"])?
        .into_iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    // Only the file that declares a module shows whether it is `#[cfg(test)]`.
    let declared: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        source.is_test |= declared.contains(&source.path);
    }
    Ok(sources)
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Self {
        let (code, comments, literals) = split(&text);
        let is_test = Path::new(&path)
            .components()
            .any(|part| part.as_os_str() == "tests")
            || path.ends_with("/tests.rs")
            || code.contains("#![cfg(test)]");
        let test_lines = test_items(&code)
            .map(|item| line_of(&code, item.start)..line_of(&code, item.end) + 1)
            .collect();
        Self {
            path,
            text,
            code,
            comments,
            literals,
            is_test,
            test_lines,
        }
    }

    /// Whether a line, counted from 0, is compiled for tests only.
    pub(crate) fn in_test(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// The code with items that are compiled for tests only replaced by blanks; line breaks stay.
    pub(crate) fn shipped(&self) -> String {
        let mut shipped = String::new();
        if self.is_test {
            return shipped;
        }
        let in_test: Vec<Range<usize>> = test_items(&self.code).collect();
        for (at, char) in self.code.char_indices() {
            let is_blank = char != '\n' && in_test.iter().any(|item| item.contains(&at));
            shipped.push(if is_blank { ' ' } else { char });
        }
        shipped
    }

    /// The paths of the modules that `#[cfg(test)] mod name;` declares here: both that Rust accepts.
    fn test_modules(&self) -> Vec<String> {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let (folder, file) = stem.rsplit_once('/').unwrap_or(("", stem));
        let base = match file {
            "lib" | "main" | "mod" => folder,
            _ => stem,
        };
        test_items(&self.code)
            .filter_map(|item| self.code[item].strip_suffix(';'))
            .filter_map(|item| item.rsplit_once("mod "))
            .map(|(_, name)| name.trim())
            .flat_map(|name| [format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")])
            .collect()
    }
}

/// The line at a byte offset, counted from 0.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// The byte ranges of the items with `#[cfg(test)]`, from the attribute to the end of the item.
fn test_items(code: &str) -> impl Iterator<Item = Range<usize>> {
    ["#[cfg(test)]", "#[cfg(all(test,"]
        .into_iter()
        .flat_map(|attribute| code.match_indices(attribute))
        .map(|(start, _)| start..item_end(code, start))
}

/// The end of the item that starts at `start`: its first `;` outside of brackets, or the end of its first braces.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            // The item is a field, variant or parameter, and the bracket closes the list around it.
            b'}' | b')' | b']' if depth == 0 => return at,
            b'}' if depth == 1 => return at + 1,
            b'}' | b')' | b']' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// The code, the comments and the literals of a text.
fn split(text: &str) -> (String, String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments, mut literals) = (String::new(), String::new(), String::new());
    let mut rest = chars.as_slice();
    while !rest.is_empty() {
        let (kind, len) = token(rest);
        let (token, after) = rest.split_at(len.min(rest.len()));
        for &char in token {
            let blank = if char == '\n' { '\n' } else { ' ' };
            code.push(if kind == Kind::Code { char } else { blank });
            comments.push(if kind == Kind::Comment { char } else { blank });
            literals.push(if kind == Kind::Literal { char } else { blank });
        }
        rest = after;
    }
    (code, comments, literals)
}

/// The kind of the first token, and its length in characters. The length may exceed the text if the token does not end.
fn token(text: &[char]) -> (Kind, usize) {
    match text {
        ['/', '/', ..] => {
            let len = text.iter().position(|char| *char == '\n');
            (Kind::Comment, len.unwrap_or(text.len()))
        }
        ['/', '*', ..] => (Kind::Comment, block_comment(text)),
        ['"', ..] => (Kind::Literal, quoted(text, '"')),
        ['\'', '\\', ..] => (Kind::Literal, quoted(text, '\'')),
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        [first, ..] if is_word(*first) => {
            let len = text.iter().take_while(|char| is_word(**char)).count();
            match text[..len] {
                ['r'] | ['b' | 'c', 'r'] => match raw_string(&text[len..]) {
                    Some(rest) => (Kind::Literal, len + rest),
                    None => (Kind::Code, len),
                },
                _ => (Kind::Code, len),
            }
        }
        _ => (Kind::Code, 1),
    }
}

fn block_comment(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(text: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != quote {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of a raw string from its first hash or quote; `None` for a raw identifier.
fn raw_string(text: &[char]) -> Option<usize> {
    let hashes = text.iter().take_while(|char| **char == '#').count();
    if text.get(hashes) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.resize(hashes + 1, '#');
    let content = &text[hashes + 1..];
    let len = content.windows(end.len()).position(|window| window == end);
    Some(len.map_or(text.len(), |len| hashes + 1 + len + end.len()))
}

pub(crate) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let (code, comments, literals) =
            split("a(\"b // \\\" c\", '\"', '\\'') /* d /* e */ f */ + g // h\n");
        assert_eq!(words(&code), ["a(", ",", ",", ")", "+", "g"]);
        assert_eq!(
            words(&comments),
            ["/*", "d", "/*", "e", "*/", "f", "*/", "//", "h"]
        );
        assert_eq!(
            words(&literals),
            ["\"b", "//", "\\\"", "c\"", "'\"'", "'\\''"]
        );
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        let (code, ..) = split("r#\"a\" b\"# c br\"\\\" d r#type \"\"");
        assert_eq!(words(&code), ["c", "d", "r#type"]);
    }

    #[test]
    fn lifetimes_are_code_and_lines_stay() {
        let text = "fn f<'a>(s: &'a str) {}\n\"x\ny\"\n/* z\n*/ end";
        let (code, comments, _) = split(text);
        assert!(code.starts_with("fn f<'a>(s: &'a str) {}"));
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(comments.lines().count(), text.lines().count());
    }

    #[test]
    fn a_token_that_does_not_end_is_blank_to_the_end() {
        for text in ["a \"b", "a r#\"b", "a /* b", "a '\\", "a \"\\"] {
            assert_eq!(words(&split(text).0), ["a"], "{text}");
        }
    }

    #[test]
    fn a_test_item_ends_at_its_closing_brace() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n";
        let source = Source::new("src/a.rs".into(), text.into());
        let lines: Vec<usize> = (0..6).filter(|line| source.in_test(*line)).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }

    #[test]
    fn shipped_code_is_all_but_tests() {
        let shipped = |text: &str| {
            let source = Source::new("src/a.rs".into(), text.into());
            words(&source.shipped()).join(" ")
        };
        assert_eq!(
            shipped("#[cfg(test)]\nfn a(b: [u8; 3]) { c() }\nfn d() {}"),
            "fn d() {}"
        );
        assert_eq!(
            shipped("#[cfg(test)]\nuse a::{b, c};\n#[cfg(all(test, unix))]\nmod d;\nmod e;"),
            "; mod e;"
        );
        assert_eq!(
            shipped("struct A {\n    #[cfg(test)]\n    b: C,\n}\nfn d() {}"),
            "struct A { } fn d() {}"
        );
        assert_eq!(shipped("#![cfg(test)]\nfn a() {}"), "");
    }

    #[test]
    fn modules_of_tests_are_found_where_rust_looks() {
        let text = "#[cfg(test)]\nmod model;\nmod real;";
        let at = |path: &str| Source::new(path.into(), text.into()).test_modules();
        assert_eq!(at("src/lib.rs"), ["src/model.rs", "src/model/mod.rs"]);
        assert_eq!(at("src/a.rs"), ["src/a/model.rs", "src/a/model/mod.rs"]);
    }

    #[test]
    fn files_of_tests_are_recognised_by_their_path() {
        for (path, is_test) in [
            ("crates/a/tests/b.rs", true),
            ("crates/a/src/b/tests.rs", true),
            ("crates/a/src/contests.rs", false),
        ] {
            assert_eq!(
                Source::new(path.into(), String::new()).is_test,
                is_test,
                "{path}"
            );
        }
    }
}
