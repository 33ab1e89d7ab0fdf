//! The promises of the design, and the tests that cite them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::result::Result;
use crate::source::{self, Source, is_word};

/// Topics, listeners, emissions, pools, async callers and the pull side, listeners at work, durable events, and other machines: the numbers of their promises.
///
/// A letter may have several rows, as numbers may be left free for what is planned.
const PROMISES: [(&str, RangeInclusive<usize>); 8] = [
    ("T", 1..=3),
    ("L", 1..=11),
    ("E", 1..=8),
    ("P", 1..=8),
    ("A", 1..=6),
    ("W", 4..=5),
    ("D", 1..=20),
    ("N", 1..=11),
];

/// Prints how many tests cite each promise, and how many tests each crate has, to compare before and after tests move.
///
/// The tests that `pool_conformance!` makes are not counted.
pub(crate) fn run() -> Result {
    let sources = source::all()?;
    print!("{}", report(&sources));
    Ok(())
}

/// The promises that no `///` comment in the tests of a crate names as a word of its own.
pub(crate) fn without_test(sources: &[Source]) -> Vec<String> {
    let cited: BTreeSet<&str> = of_crates(sources).flat_map(cited_words).collect();
    promises()
        .filter(|promise| !cited.contains(promise.as_str()))
        .collect()
}

/// The promises that the page for users has no row for.
pub(crate) fn without_row(page: &str) -> Vec<String> {
    let rows: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .collect();
    promises()
        .filter(|promise| !rows.contains(promise.as_str()))
        .collect()
}

/// All promises, `T1` to `N11`.
fn promises() -> impl Iterator<Item = String> {
    PROMISES.iter().flat_map(|(letter, numbers)| {
        let numbers = numbers.clone();
        numbers.map(move |number| format!("{letter}{number}"))
    })
}

/// Without the tests of the project's own tools, which may name a promise as an example.
fn of_crates(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources
        .iter()
        .filter(|source| source.path.starts_with("crates/"))
}

fn cited_words(source: &Source) -> impl Iterator<Item = &str> {
    let lines = source.comments.lines().enumerate();
    lines
        .filter(|(line, _)| source.in_test(*line))
        .flat_map(|(_, comment)| words(comment))
}

/// The words of a line, if it is a `///` comment. The `//!` of a file says what its tests are about; it cites nothing.
fn words(comment: &str) -> impl Iterator<Item = &str> {
    let doc = Some(comment).filter(|comment| comment.trim_start().starts_with("///"));
    doc.into_iter()
        .flat_map(|comment| comment.split(|char: char| !is_word(char)))
}

fn report(sources: &[Source]) -> String {
    let mut citing: BTreeMap<&str, usize> = BTreeMap::new();
    for test in of_crates(sources).flat_map(tests) {
        for word in test {
            *citing.entry(word).or_default() += 1;
        }
    }
    let mut report = String::from("tests that cite a promise:\n");
    for promise in promises() {
        let count = citing.get(promise.as_str()).copied().unwrap_or_default();
        report += &format!("  {promise} {count:5}\n");
    }
    let mut crates: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        *crates.entry(folder(&source.path)).or_default() += tests(source).len();
    }
    report += "tests of a crate:\n";
    for (name, count) in crates.iter().filter(|(_, count)| **count > 0) {
        report += &format!("  {name:24} {count:5}\n");
    }
    let total: usize = crates.values().sum();
    report + &format!("  {:24} {total:5}\n", "all")
}

/// The folder of a file's crate.
fn folder(path: &str) -> &str {
    let depth = if path.starts_with("crates/") { 2 } else { 1 };
    let end = path.match_indices('/').nth(depth - 1);
    end.map_or(path, |(end, _)| &path[..end])
}

/// Every `#[test]`, those in macros such as `proptest!` included, as the words of its `///` comment.
fn tests(source: &Source) -> Vec<BTreeSet<&str>> {
    let code: Vec<&str> = source.code.lines().map(str::trim).collect();
    let comments: Vec<&str> = source.comments.lines().collect();
    let is_above = |line: &usize| {
        let is_attribute = code[*line].starts_with("#[");
        is_attribute || (code[*line].is_empty() && !comments[*line].trim().is_empty())
    };
    let of_test = |test: usize| {
        let above = (0..test).rev().take_while(is_above);
        let below = (test + 1..code.len()).take_while(is_above);
        above
            .chain(below)
            .flat_map(|line| words(comments[line]))
            .collect()
    };
    (0..code.len())
        .filter(|line| code[*line].starts_with("#[test]") && source.in_test(*line))
        .map(of_test)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(path: &str, text: &str) -> Vec<String> {
        without_test(&[Source::new(path.into(), text.into())])
    }

    #[test]
    fn without_a_test_every_promise_is_missing() {
        let missing = missing("crates/a/src/a.rs", "/// P1, L2\nfn a() {}");
        assert_eq!(missing.len(), 3 + 11 + 8 + 8 + 6 + 2 + 20 + 11);
        assert_eq!(missing.first().map(String::as_str), Some("T1"));
        assert_eq!(missing.last().map(String::as_str), Some("N11"));
    }

    #[test]
    fn numbers_that_are_left_free_are_not_missing() {
        let missing = missing("crates/a/src/a.rs", "");
        for (promise, is_missing) in [("W3", false), ("W4", true), ("L11", true), ("L12", false)] {
            assert_eq!(missing.contains(&promise.into()), is_missing, "{promise}");
        }
    }

    #[test]
    fn a_promise_without_a_row_of_its_own_is_missing_on_the_page() {
        let missing = without_row("| T1 | a topic |\n| T2, T3 |\nL1\n");
        assert!(!missing.contains(&"T1".into()));
        for promise in ["T2", "T3", "L1"] {
            assert!(missing.contains(&promise.into()), "{promise}");
        }
    }

    #[test]
    fn only_doc_comments_of_tests_cite() {
        let text = "//! E5\n/// P1, P3: once.\n#[test]\nfn a() { b(\"P2\") } // E6\n";
        let missing = missing("crates/a/tests/b.rs", text);
        for (promise, is_missing) in [
            ("P1", false),
            ("P3", false),
            ("P2", true),
            ("E5", true),
            ("E6", true),
        ] {
            assert_eq!(
                missing.iter().any(|found| found == promise),
                is_missing,
                "{promise}"
            );
        }
    }

    #[test]
    fn longer_words_cite_nothing() {
        let missing = missing("crates/a/tests/b.rs", "/// P12, XP1, L1_a");
        assert_eq!(missing.len(), promises().count());
    }

    #[test]
    fn a_test_module_cites_and_other_code_does_not() {
        let text = "/// P1\nfn a() {}\n#[cfg(test)]\nmod tests {\n    /// P2\n    fn b() {}\n}\n";
        let missing = missing("crates/a/src/a.rs", text);
        assert!(missing.contains(&String::from("P1")));
        assert!(!missing.contains(&String::from("P2")));
    }

    #[test]
    fn the_report_counts_each_test_once_for_each_promise_it_cites() {
        let text = "/// P1\nfn a() {}\n\n/// P1, P3: no P1.\n#[cfg(unix)]\n#[test]\n/// E2\nfn b() {}\n\n#[test]\nfn c() {}\n";
        let macros = "proptest! {\n    /// P1\n    #[test]\n    fn d(e in 0..1) {}\n}\n";
        let sources = [
            Source::new("crates/a/tests/b.rs".into(), [text, macros].concat()),
            Source::new(
                "xtask/src/c.rs".into(),
                ["#![cfg(test)]\n", macros].concat(),
            ),
            Source::new(
                "crates/d/src/e.rs".into(),
                "/// P2\n#[test]\nfn f() {}".into(),
            ),
        ];
        let report = report(&sources);
        let counts: Vec<(&str, &str)> = report
            .lines()
            .filter_map(|line| line.trim().split_once(' '))
            .map(|(name, count)| (name, count.trim()))
            .collect();
        for expected in [
            ("P1", "2"),
            ("P2", "0"),
            ("P3", "1"),
            ("E2", "1"),
            ("crates/a", "3"),
            ("xtask", "1"),
            ("all", "4"),
        ] {
            assert!(counts.contains(&expected), "{expected:?} in {report}");
        }
    }
}
