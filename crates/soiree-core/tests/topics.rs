//! Topics, patterns and the registry, against tables and naive oracles.

use std::sync::Arc;

use proptest::prelude::*;
use soiree_core::{
    Event, InvalidTopicKind, ListenerId, ListenerOptions, Pattern, Priority, Registry,
    SubscribeError, UnsubscribeError, validate_topic,
};

/// What matching means, in so many words.
fn oracle(pattern: &[&str], topic: &[&str]) -> bool {
    match pattern.split_first() {
        None => topic.is_empty(),
        Some((&"**", [])) => !topic.is_empty(),
        Some((&"**", rest)) => (0..=topic.len()).any(|taken| oracle(rest, &topic[taken..])),
        Some((first, rest)) => topic.split_first().is_some_and(|(found, others)| {
            (*first == "*" || first == found) && oracle(rest, others)
        }),
    }
}

fn naive(pattern: &str, topic: &str) -> bool {
    let pattern: Vec<_> = pattern.split('.').collect();
    oracle(&pattern, &topic.split('.').collect::<Vec<_>>())
}

fn segments(choices: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(choices), 1..=most).prop_map(|s| s.join("."))
}

fn patterns() -> impl Strategy<Value = String> {
    segments(&["a", "b", "*", "**", "**"], 7)
}

fn topics() -> impl Strategy<Value = String> {
    segments(&["a", "b", "c"], 9)
}

fn id(number: usize) -> ListenerId {
    ListenerId::new(number.to_string())
}

fn nothing() -> Arc<dyn soiree_core::Listener> {
    Arc::new(|_: &dyn Event| ())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// T1, T2
    #[test]
    fn a_pattern_matches_what_the_oracle_says(pattern in patterns(), topic in topics()) {
        let parsed = Pattern::new(&pattern).unwrap();
        // Of neighbouring `**` at the end the oracle asks nothing of the first; that is what one of them means.
        prop_assert_eq!(parsed.matches(&topic), naive(parsed.as_str(), &topic));
        prop_assert_eq!(parsed.matches(&topic), naive(&pattern, &topic));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(String, i32),
    Remove(prop::sample::Index),
    Emit(String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (patterns(), 1..=5).prop_map(|(pattern, priority)| Step::Add(pattern, priority)),
        1 => topics().prop_flat_map(|t| (Just(t), 1..=5)).prop_map(|(t, p)| Step::Add(t, p)),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
        3 => topics().prop_map(Step::Emit),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// T2, T3, L1: the registry finds, in order, what a list that is scanned and sorted finds.
    #[test]
    fn the_registry_finds_what_a_sorted_scan_finds(steps in steps()) {
        let registry = Registry::new();
        let mut list: Vec<(Pattern, i32, usize)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Add(pattern, priority) => {
                    let pattern = Pattern::new(&pattern).unwrap();
                    let options = Priority::try_from(priority).unwrap().into();
                    registry.add(&pattern, id(number), options, nothing()).unwrap();
                    list.push((pattern, priority, number));
                }
                Step::Remove(index) if !list.is_empty() => {
                    let (pattern, _, number) = list.remove(index.index(list.len()));
                    registry.remove(&pattern, &id(number)).unwrap();
                    prop_assert!(registry.remove(&pattern, &id(number)).is_err());
                    let left = list.iter().filter(|(p, ..)| *p == pattern).count();
                    prop_assert_eq!(registry.listeners_of(&pattern), left);
                }
                Step::Remove(_) => {}
                Step::Emit(topic) => {
                    let mut wanted: Vec<_> =
                        list.iter().filter(|(pattern, ..)| naive(pattern.as_str(), &topic)).collect();
                    wanted.sort_by_key(|(_, priority, number)| (-priority, *number));
                    let wanted: Vec<_> = wanted.iter().map(|(.., number)| id(*number)).collect();
                    // Thrice: a topic that is met again is found another way.
                    for _ in 0..3 {
                        prop_assert_eq!(&registry.matching(&topic), &wanted);
                    }
                }
            }
            prop_assert_eq!(registry.len(), list.len());
        }
    }
}

/// T1: the original's own tables.
#[test]
fn the_matching_tables_hold() {
    let table = [
        ("event.some.thing.run", "event.some.thing.run", true),
        ("event.some.thing.run", "event.some.thing.do", false),
        ("event.some.*.*", "event.some.thing.run", true),
        ("event.some.*.*", "event.some.thing", false),
        ("event.some.*.run", "event.some.thing.run", true),
        ("event.some.*.run", "event.some.thing.do", false),
        ("event.*", "event.some", true),
        ("event.*", "event.some.thing", false),
        ("*", "event", true),
        ("*", "event.some", false),
        ("*", "", true),
        ("**", "", true),
        ("**", "event", true),
        ("**", "event.some.thing.run", true),
        ("event.some.**", "event.some.thing.run", true),
        ("event.some.**", "event.some.thing", true),
        ("event.some.**", "event.some", false),
        ("event.**", "event", false),
        ("**.thing.run", "event.some.thing.run", true),
        ("**.thing.run", "thing.run", true),
        ("**.thing.run", "event.some.thing.do", false),
        ("event.**.run", "event.run", true),
        ("event.**.run", "event.some.thing.run", true),
        ("event.**.run", "event.some.thing", false),
        ("a.**.b.**", "a.x.b.y", true),
        ("a.**.b.**", "a.b", false),
        ("User", "user", false),
    ];
    for (pattern, topic, matches) in table {
        assert_eq!(
            Pattern::new(pattern).unwrap().matches(topic),
            matches,
            "{pattern} {topic:?}"
        );
    }
}

/// T1: the error says what is wrong and where.
#[test]
fn a_bad_name_is_refused_with_what_and_where() {
    use InvalidTopicKind::*;
    let long = "a".repeat(256);
    let table = [
        ("", Empty),
        (".a", EmptySegment { at: 0 }),
        ("a.", EmptySegment { at: 2 }),
        ("a..b", EmptySegment { at: 2 }),
        ("a b", ForbiddenChar { found: ' ', at: 1 }),
        ("a.b\n", ForbiddenChar { found: '\n', at: 3 }),
        (
            "é.\u{2003}",
            ForbiddenChar {
                found: '\u{2003}',
                at: 3,
            },
        ),
        ("who?", ForbiddenChar { found: '?', at: 3 }),
        ("a.[b]", ForbiddenChar { found: '[', at: 2 }),
        ("us*r.x", PartialWildcard { at: 2 }),
        ("a.***", PartialWildcard { at: 2 }),
        (&long, TooLong { len: 256 }),
    ];
    for (name, fault) in table {
        assert_eq!(validate_topic(name).unwrap_err().kind, fault, "{name:?}");
        assert_eq!(Pattern::new(name).unwrap_err().kind, fault, "{name:?}");
    }
    assert_eq!(
        validate_topic("a.**").unwrap_err().kind,
        WildcardInTopic { at: 2 }
    );
    assert!(validate_topic(&long[..255]).is_ok());
    assert_eq!(Pattern::new("a.**.**.**.b").unwrap().as_str(), "a.**.b");
}

/// T2: a name made to be slow to match is not. A matcher that tries all ways would not end in a lifetime.
#[test]
fn many_globstars_do_not_explode() {
    let pattern = Pattern::new(&format!("{}z", "**.a.".repeat(30))).unwrap();
    let topic = "a.".repeat(120) + "a";
    assert!(!pattern.matches(&topic));
    let registry = Registry::new();
    registry
        .add(&pattern, id(0), ListenerOptions::new(), nothing())
        .unwrap();
    assert!(registry.matching(&topic).is_empty());
    assert_eq!(registry.matching(&("a.".repeat(60) + "z")), [id(0)]);
}

/// T2: also where a topic is inside very many `**` at once.
#[test]
fn a_topic_may_be_inside_hundreds_of_globstars() {
    let registry = Registry::new();
    for depth in 1..100 {
        let pattern = Pattern::new(&("*.".repeat(depth) + "**")).unwrap();
        registry
            .add(&pattern, id(depth), ListenerOptions::new(), nothing())
            .unwrap();
    }
    let topic = vec!["a"; 60].join(".");
    assert_eq!(registry.matching(&topic).len(), 59);
    let deep = Pattern::new("**.a.**.a.**.a.**").unwrap();
    registry
        .add(&deep, id(1_000), ListenerOptions::new(), nothing())
        .unwrap();
    assert_eq!(registry.matching(&topic).len(), 60);
}

/// T3
#[test]
fn taking_off_what_is_not_there_is_an_error_that_says_what_is_missing() {
    let registry = Registry::new();
    let pattern = Pattern::new("user.*").unwrap();
    registry
        .add(&pattern, id(1), ListenerOptions::new(), nothing())
        .unwrap();
    let twice = registry.add(&pattern, id(1), ListenerOptions::new(), nothing());
    assert!(matches!(
        twice,
        Err(SubscribeError::DuplicateListener { .. })
    ));
    let missing = registry.remove(&pattern, &id(2));
    assert!(matches!(
        missing,
        Err(UnsubscribeError::ListenerNotFound { .. })
    ));
    let other = Pattern::new("user.created").unwrap();
    let missing = registry.remove(&other, &id(1));
    assert!(matches!(
        missing,
        Err(UnsubscribeError::TopicNotFound { .. })
    ));
    registry.remove(&pattern, &id(1)).unwrap();
    let gone = registry.remove(&pattern, &id(1));
    assert!(matches!(gone, Err(UnsubscribeError::TopicNotFound { .. })));
}
