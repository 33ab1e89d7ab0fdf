//! Which of two patterns is more specific.

use crate::topic::Pattern;

/// How specific a pattern is: the more literal segments, the more specific; then the more `*`; then the fewer `**`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    literals: usize,
    wildcards: usize,
    // Negative, so that fewer are more specific.
    multi_wildcards: isize,
}

/// How specific a pattern is.
pub fn specificity(pattern: &Pattern) -> Specificity {
    let mut found = Specificity {
        literals: 0,
        wildcards: 0,
        multi_wildcards: 0,
    };
    for segment in pattern.as_str().split('.') {
        match segment {
            "*" => found.wildcards += 1,
            "**" => found.multi_wildcards -= 1,
            _ => found.literals += 1,
        }
    }
    found
}

/// Whether some topic matches both patterns.
pub fn overlap(one: &Pattern, other: &Pattern) -> bool {
    // Before the first `**`, the segments of both stand for the same segments of a topic. Mostly that decides.
    let (mut ones, mut others) = (one.as_str().split('.'), other.as_str().split('.'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some("**"), _) | (_, Some("**")) => return overlap_at_any_length(one, other),
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

fn overlap_at_any_length(one: &Pattern, other: &Pattern) -> bool {
    let (one, other) = (steps(one), steps(other));
    // Whether the rest of one pattern and the rest of the other overlap, computed from their ends to their starts.
    let mut next = vec![false; other.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            row[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                // `**` matches nothing, or one more segment of the other pattern.
                (Some(&"**"), Some(_)) => next[j] || row[j + 1],
                (Some(&"**"), None) => next[j],
                (Some(_), Some(&"**")) => row[j + 1] || next[j],
                (None, Some(&"**")) => row[j + 1],
                (Some(a), Some(b)) => (a == b || *a == "*" || *b == "*") && next[j + 1],
                _ => false,
            };
        }
        next = row;
    }
    next[0]
}

/// The segments, with a last `**` spelled out as `*` and `**`, because it matches at least one segment.
fn steps(pattern: &Pattern) -> Vec<&str> {
    let mut steps: Vec<&str> = pattern.as_str().split('.').collect();
    if steps.last() == Some(&"**") {
        steps.insert(steps.len() - 1, "*");
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn literals_are_more_specific_than_wildcards_of_one_segment_and_those_than_wildcards_of_many() {
        let ordered = [
            "a.b.c", "a.b.*", "a.b.**", "a.b", "a.*.*", "a.*", "a.**.*", "a.**", "*.*", "*", "**",
        ];
        let specificities: Vec<Specificity> = [
            "a.b.c", "a.b.*", "a.b", "a.b.**", "a.*.*", "a.*", "a.**", "*.*", "*", "**",
        ]
        .iter()
        .map(|text| specificity(&pattern(text)))
        .collect();
        assert!(
            specificities.is_sorted_by(|more, less| more > less),
            "{ordered:?} {specificities:?}"
        );
    }

    #[test]
    fn patterns_overlap_if_a_topic_matches_both() {
        for (one, other, expected) in [
            ("a.*", "*.b", true),
            ("a.**", "a", false),
            ("a.**", "*", false),
            ("**", "*", true),
            ("**.a", "b.**", true),
            ("a.**.b", "a.b", true),
            ("a.**.b", "*.*", true),
            ("a.b", "a.c", false),
            ("a.*.c", "a.b", false),
            ("**.x.**", "y.*", false),
        ] {
            assert_eq!(
                overlap(&pattern(one), &pattern(other)),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                overlap(&pattern(other), &pattern(one)),
                expected,
                "{other} {one}"
            );
        }
    }

    fn topics() -> Vec<String> {
        let segments = ["a", "b", "c"];
        let mut all: Vec<String> = segments.map(String::from).to_vec();
        let mut longest = all.clone();
        for _ in 0..4 {
            longest = longest
                .iter()
                .flat_map(|start| segments.map(|segment| format!("{start}.{segment}")))
                .collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    proptest! {
        /// T1: against every topic of up to five segments out of three.
        #[test]
        fn patterns_overlap_exactly_if_some_topic_matches_both(
            one in "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,2}",
            other in "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,2}",
        ) {
            let (one, other) = (pattern(&one), pattern(&other));
            let expected = topics().iter().any(|topic| one.matches(topic) && other.matches(topic));
            prop_assert_eq!(overlap(&one, &other), expected, "{} {}", one, other);
        }
    }
}
