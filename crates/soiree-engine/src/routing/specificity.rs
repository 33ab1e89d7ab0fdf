//! Which of two patterns says more about a topic that both match.

use soiree_core::Pattern;

/// How much a pattern says: the more literal segments, the more; then the more `*`, each of which stands for one segment; then
/// the fewer `**`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Specificity {
    literals: usize,
    stars: usize,
    // Negative, so that less is more.
    globstars: isize,
}

pub(crate) fn specificity(pattern: &Pattern) -> Specificity {
    let mut found = Specificity {
        literals: 0,
        stars: 0,
        globstars: 0,
    };
    for segment in pattern.as_str().split('.') {
        match segment {
            "*" => found.stars += 1,
            "**" => found.globstars -= 1,
            _ => found.literals += 1,
        }
    }
    found
}

/// Whether there is a topic that both match.
pub(crate) fn overlap(one: &Pattern, other: &Pattern) -> bool {
    let (one, other) = (steps(one), steps(other));
    // Whether what is left of the two can match the same, from the ends to the starts.
    let mut next = vec![false; other.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            row[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                // It takes nothing, or one segment more of what the other one matches.
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

/// The segments, with a last `**` spelled as what it means: one segment, and then any number.
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
    fn literals_say_more_than_stars_and_stars_more_than_globstars() {
        let ordered = [
            "a.b.c", "a.b.*", "a.b.**", "a.b", "a.*.*", "a.*", "a.**.*", "a.**", "*.*", "*", "**",
        ];
        let says: Vec<Specificity> = [
            "a.b.c", "a.b.*", "a.b", "a.b.**", "a.*.*", "a.*", "a.**", "*.*", "*", "**",
        ]
        .iter()
        .map(|text| specificity(&pattern(text)))
        .collect();
        assert!(
            says.is_sorted_by(|more, less| more > less),
            "{ordered:?} {says:?}"
        );
    }

    #[test]
    fn patterns_overlap_where_one_topic_matches_both() {
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
        fn patterns_overlap_exactly_if_a_topic_shows_it(
            one in "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,2}",
            other in "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,2}",
        ) {
            let (one, other) = (pattern(&one), pattern(&other));
            let shown = topics().iter().any(|topic| one.matches(topic) && other.matches(topic));
            prop_assert_eq!(overlap(&one, &other), shown, "{} {}", one, other);
        }
    }
}
