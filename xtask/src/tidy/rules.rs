//! The rules for one source file.

use super::violation::Violation;
use crate::source::{Source, is_word, line_of};

const MAX_LINES: usize = 400;

#[derive(PartialEq)]
enum Scope {
    Everywhere,
    Tests,
}

/// The macro that marks the tests of what a pool cannot do as ignored, rather than as passed.
const IGNORES: &str = "crates/soiree-testkit/src/conformance/macros.rs";

/// What code must not contain.
const BANNED: [(&str, Scope, &str); 7] = [
    ("unsafe", Scope::Everywhere, "no unsafe code"),
    ("todo!", Scope::Everywhere, "no todo!"),
    ("unimplemented!", Scope::Everywhere, "no unimplemented!"),
    ("dbg!", Scope::Everywhere, "no dbg!"),
    ("#[ignore", Scope::Everywhere, "no test is ignored"),
    (
        "thread::sleep",
        Scope::Tests,
        "tests wait on conditions, never on thread::sleep",
    ),
    (
        "fn test_",
        Scope::Tests,
        "a test's name is a sentence, without test_",
    ),
];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let lines = source.text.lines().count();
    if lines > MAX_LINES {
        found.push((MAX_LINES, format!("{lines} lines, more than {MAX_LINES}")));
    }
    for (banned, scope, rule) in &BANNED {
        if *banned == "#[ignore" && source.path == IGNORES {
            continue;
        }
        for offset in occurrences(&source.code, banned) {
            let line = line_of(&source.code, offset);
            if *scope == Scope::Everywhere || source.in_test(line) {
                found.push((line, (*rule).into()));
            }
        }
    }
    for (offset, lint) in allowed_lints(&source.code) {
        if lint == "dead_code" || lint.starts_with("unused") {
            let rule = format!("no allow({lint}); remove what is not used");
            found.push((line_of(&source.code, offset), rule));
        } else if lint == "unsafe_code" {
            found.push((line_of(&source.code, offset), "no unsafe code".into()));
        }
    }
    if source.path.starts_with("crates/") && source.path.ends_with("/src/lib.rs") {
        for (line, code) in source.code.lines().enumerate() {
            if declares_function(code) {
                found.push((
                    line,
                    "lib.rs holds docs and re-exports, no functions".into(),
                ));
            }
        }
    }
    found.sort();
    found
        .into_iter()
        .map(|(line, rule)| Violation {
            path: source.path.clone(),
            line: line + 1,
            rule,
        })
        .collect()
}

/// Where `code` contains `needle` as whole words. A needle that ends in `_` also matches the start of a word.
fn occurrences(code: &str, needle: &str) -> impl Iterator<Item = usize> {
    let whole_start = needle.starts_with(is_word);
    let whole_end = needle.ends_with(char::is_alphanumeric);
    code.match_indices(needle)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let starts = !whole_start || !code[..at].ends_with(is_word);
            let ends = !whole_end || !code[at + needle.len()..].starts_with(is_word);
            starts && ends
        })
}

/// Every lint in an `allow(...)`, with the offset of the `allow`.
fn allowed_lints(code: &str) -> impl Iterator<Item = (usize, &str)> {
    occurrences(code, "allow(").flat_map(|at| {
        let list = &code[at + "allow(".len()..];
        let list = list.split(')').next().unwrap_or_default();
        list.split(',').map(move |lint| (at, lint.trim()))
    })
}

/// Whether a line declares a function at the top level of the file.
fn declares_function(line: &str) -> bool {
    let is_modifier = |word: &&str| {
        matches!(*word, "async" | "const" | "extern" | "unsafe") || word.starts_with("pub")
    };
    !line.starts_with(char::is_whitespace)
        && line.split_whitespace().find(|word| !is_modifier(word)) == Some("fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&Source::new(path.into(), text.into()))
            .into_iter()
            .map(|violation| (violation.line, violation.rule))
            .collect()
    }

    #[track_caller]
    fn assert_breaks(path: &str, text: &str, line: usize, rule: &str) {
        let broken = broken(path, text);
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(broken[0].0, line);
        assert!(broken[0].1.contains(rule), "{broken:?}");
    }

    #[test]
    fn a_file_has_at_most_400_lines() {
        let long = "//\n".repeat(401);
        assert_breaks("src/a.rs", &long, 401, "401 lines");
        assert!(broken("src/a.rs", &"//\n".repeat(400)).is_empty());
    }

    #[test]
    fn banned_code_is_found_on_its_line() {
        assert_breaks("src/a.rs", "fn a() {\n    unsafe {}\n}", 2, "unsafe");
        assert_breaks("src/a.rs", "#[allow(unsafe_code)]", 1, "unsafe");
        assert_breaks("src/a.rs", "\n\ntodo!()", 3, "todo!");
        assert_breaks("src/a.rs", "unimplemented!()", 1, "unimplemented!");
        assert_breaks("src/a.rs", "dbg!(1)", 1, "dbg!");
        assert_breaks("src/a.rs", "#[test]\n#[ignore = \"slow\"]", 2, "ignored");
    }

    #[test]
    fn only_the_macro_for_pools_may_ignore_tests() {
        assert!(broken(IGNORES, "#[ignore = $reason]").is_empty());
        assert_breaks(IGNORES, "dbg!(1)", 1, "dbg!");
        let neighbour = IGNORES.replace("macros", "list");
        assert_breaks(&neighbour, "#[ignore = $reason]", 1, "ignored");
    }

    #[test]
    fn words_in_strings_comments_and_longer_names_are_permitted() {
        let text = "// unsafe\nlet unsafe_code = \"todo!() unsafe\";\nlet thread_unsafe = 1;";
        assert!(broken("src/a.rs", text).is_empty());
    }

    #[test]
    fn tests_neither_sleep_nor_have_names_that_start_with_test() {
        assert_breaks(
            "crates/a/tests/b.rs",
            "std::thread::sleep(d);",
            1,
            "conditions",
        );
        assert_breaks("crates/a/tests/b.rs", "fn test_it() {}", 1, "sentence");
        let inner =
            "fn a() { std::thread::sleep(d) }\n#[cfg(test)]\nmod tests {\nfn test_it() {}\n}";
        assert_breaks("src/a.rs", inner, 4, "sentence");
        assert!(broken("crates/a/tests/b.rs", "fn tests_wait() {}").is_empty());
    }

    #[test]
    fn allow_for_unused_code_is_found_in_every_position() {
        assert_breaks("src/a.rs", "#[allow(dead_code)]", 1, "dead_code");
        assert_breaks(
            "src/a.rs",
            "#![allow(clippy::all, unused_imports)]",
            1,
            "unused_imports",
        );
        assert_breaks("src/a.rs", "#[allow(\n    unused,\n)]", 1, "unused");
        assert!(broken("src/a.rs", "#[allow(clippy::unused_self)]").is_empty());
    }

    #[test]
    fn lib_rs_holds_no_functions() {
        let path = "crates/a/src/lib.rs";
        assert_breaks(path, "mod a;\nfn a() {}", 2, "lib.rs");
        assert_breaks(path, "pub(crate) const fn a() {}", 1, "lib.rs");
        assert!(broken(path, "//! fn a\npub use a::{\n    fn_b,\n};").is_empty());
        assert!(broken("src/a.rs", "fn a() {}").is_empty());
    }
}
