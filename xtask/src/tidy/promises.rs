//! Every promise of the design is cited by a test.

use std::collections::BTreeSet;

use crate::source::{Source, is_word};

/// Topics, listeners, emissions and pools, and how many promises each makes.
const PROMISES: [(&str, usize); 4] = [("T", 3), ("L", 9), ("E", 6), ("P", 8)];

/// The promises that no `///` comment in a test names as a word of its own.
pub(super) fn without_test<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<String> {
    let cited: BTreeSet<&str> = sources.flat_map(cited_words).collect();
    PROMISES
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")))
        .filter(|promise| !cited.contains(promise.as_str()))
        .collect()
}

fn cited_words(source: &Source) -> impl Iterator<Item = &str> {
    let lines = source.comments.lines().enumerate();
    lines
        .filter(|(line, _)| source.in_test(*line))
        // The `//!` of a file announces what its tests are to show; only a test's own comment counts.
        .filter(|(_, comment)| comment.trim_start().starts_with("///"))
        .flat_map(|(_, comment)| comment.split(|char: char| !is_word(char)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(path: &str, text: &str) -> Vec<String> {
        without_test([Source::new(path.into(), text.into())].iter())
    }

    #[test]
    fn all_promises_are_missing_where_there_is_no_test() {
        let missing = missing("src/a.rs", "/// P1, L2\nfn a() {}");
        assert_eq!(missing.len(), 3 + 9 + 6 + 8);
        assert_eq!(missing.first().map(String::as_str), Some("T1"));
        assert_eq!(missing.last().map(String::as_str), Some("P8"));
    }

    #[test]
    fn doc_comments_of_tests_cite_and_all_else_does_not() {
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
        assert_eq!(missing.len(), 26);
    }

    #[test]
    fn a_test_module_cites_and_the_code_above_it_does_not() {
        let text = "/// P1\nfn a() {}\n#[cfg(test)]\nmod tests {\n    /// P2\n    fn b() {}\n}\n";
        let missing = missing("src/a.rs", text);
        assert!(missing.contains(&String::from("P1")));
        assert!(!missing.contains(&String::from("P2")));
    }
}
