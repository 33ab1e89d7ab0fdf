//! Topics, patterns and the registry, compared with tables and simple oracles.

use std::sync::Arc;

use proptest::prelude::*;
use soiree_core::registry::{Registration, Snapshot, Visitor};
use soiree_core::{
    Event, InvalidTopicKind, ListenerId, ListenerOptions, MAX_DOUBLE_WILDCARDS, Pattern, Priority,
    Registry, SubscribeError, UnsubscribeError, validate_topic,
};

/// The definition of matching, without any care for speed.
fn segments_match(pattern: &[&str], topic: &[&str]) -> bool {
    match pattern.split_first() {
        None => topic.is_empty(),
        Some((&"**", [])) => !topic.is_empty(),
        Some((&"**", rest)) => (0..=topic.len()).any(|taken| segments_match(rest, &topic[taken..])),
        Some((first, rest)) => topic.split_first().is_some_and(|(found, others)| {
            (*first == "*" || first == found) && segments_match(rest, others)
        }),
    }
}

fn oracle_matches(pattern: &str, topic: &str) -> bool {
    let pattern: Vec<_> = pattern.split('.').collect();
    segments_match(&pattern, &topic.split('.').collect::<Vec<_>>())
}

fn segments(choices: &'static [&'static str], max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(choices), 1..=max).prop_map(|s| s.join("."))
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

fn no_op() -> Arc<dyn soiree_core::Listener> {
    Arc::new(|_: &dyn Event| ())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// T1, T2: matching agrees with its definition.
    #[test]
    fn a_pattern_matches_what_the_oracle_says(pattern in patterns(), topic in topics()) {
        let parsed = Pattern::new(&pattern).unwrap();
        // Both the pattern as given and the one that is stored, in which several `**` in a row are one.
        prop_assert_eq!(parsed.matches(&topic), oracle_matches(parsed.as_str(), &topic));
        prop_assert_eq!(parsed.matches(&topic), oracle_matches(&pattern, &topic));
    }
}

/// Collects the IDs of the listeners that an emission would call.
#[derive(Default)]
struct Ids(Vec<ListenerId>);

impl Visitor for Ids {
    fn visit<'e>(
        &mut self,
        registrations: impl Iterator<Item = &'e Arc<Registration>>,
        _: &Arc<Snapshot>,
    ) {
        let ids = registrations.map(|registration| registration.listener_ref().id.clone());
        self.0.extend(ids);
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
    /// T2, T3, L1: the registry finds the same listeners in the same order as a sorted scan of a list.
    #[test]
    fn the_registry_finds_what_a_sorted_scan_finds(steps in steps()) {
        let registry = Registry::new();
        let mut list: Vec<(Pattern, i32, usize)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Add(pattern, priority) => {
                    let pattern = Pattern::new(&pattern).unwrap();
                    let options = Priority::try_from(priority).unwrap().into();
                    registry.add(&pattern, id(number), options, no_op()).unwrap();
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
                        list.iter().filter(|(pattern, ..)| oracle_matches(pattern.as_str(), &topic)).collect();
                    wanted.sort_by_key(|(_, priority, number)| (-priority, *number));
                    let wanted: Vec<_> = wanted.iter().map(|(.., number)| id(*number)).collect();
                    // Three times: the second emit of a topic caches its listeners, the third one reads them.
                    for _ in 0..3 {
                        let mut emitted = Ids::default();
                        registry.visit(&topic, &mut emitted);
                        prop_assert_eq!(&emitted.0, &wanted);
                        prop_assert_eq!(&registry.matching(&topic), &wanted);
                    }
                }
            }
            prop_assert_eq!(registry.len(), list.len());
        }
    }
}

/// T1: patterns match as in the tables of the original Go package.
#[test]
fn patterns_match_as_in_the_original() {
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

/// T1: the error says what is wrong with a name, and where.
#[test]
fn an_invalid_name_is_rejected_with_what_and_where() {
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
    for (name, kind) in table {
        assert_eq!(validate_topic(name).unwrap_err().kind, kind, "{name:?}");
        assert_eq!(Pattern::new(name).unwrap_err().kind, kind, "{name:?}");
    }
    assert_eq!(
        validate_topic("a.**").unwrap_err().kind,
        WildcardInTopic { at: 2 }
    );
    assert!(validate_topic(&long[..255]).is_ok());
    assert_eq!(Pattern::new("a.**.**.**.b").unwrap().as_str(), "a.**.b");
}

/// T2: no pattern takes exponential time. A matcher that tries all ways would never end with this one.
#[test]
fn many_multi_wildcards_do_not_explode() {
    let pattern = Pattern::new(&format!("{}z", "**.a.".repeat(MAX_DOUBLE_WILDCARDS))).unwrap();
    let topic = "a.".repeat(120) + "a";
    assert!(!pattern.matches(&topic));
    let registry = Registry::new();
    registry
        .add(&pattern, id(0), ListenerOptions::new(), no_op())
        .unwrap();
    assert!(registry.matching(&topic).is_empty());
    assert_eq!(registry.matching(&("a.".repeat(60) + "z")), [id(0)]);
}

/// T2: so that strangers who may subscribe cannot make every emit slow. Several in a row are one.
#[test]
fn a_pattern_has_a_limited_number_of_multi_wildcards() {
    let with = |count: usize| "**.a.".repeat(count) + "z";
    Pattern::new(&with(MAX_DOUBLE_WILDCARDS)).unwrap();
    let in_a_row = "**.".repeat(20) + &with(MAX_DOUBLE_WILDCARDS);
    assert_eq!(
        Pattern::new(&in_a_row).unwrap().as_str(),
        with(MAX_DOUBLE_WILDCARDS)
    );
    let most = vec!["a"; 128].join(".");
    Pattern::new(&most).unwrap();
    let count = MAX_DOUBLE_WILDCARDS + 1;
    let pattern = with(count);
    let error = Pattern::new(&pattern).unwrap_err();
    assert_eq!(
        error.kind,
        InvalidTopicKind::TooManyDoubleWildcards { count }
    );
    let expected = format!("invalid topic {pattern:?}: it has 9 `**`, 8 are allowed");
    assert_eq!(error.to_string(), expected);
}

/// T2: even if a topic matches very many `**` at the same time.
#[test]
fn a_topic_may_match_many_multi_wildcards_at_once() {
    let registry = Registry::new();
    for depth in 1..100 {
        let pattern = Pattern::new(&("*.".repeat(depth) + "**")).unwrap();
        registry
            .add(&pattern, id(depth), ListenerOptions::new(), no_op())
            .unwrap();
    }
    let topic = vec!["a"; 60].join(".");
    assert_eq!(registry.matching(&topic).len(), 59);
    let deep = Pattern::new("**.a.**.a.**.a.**").unwrap();
    registry
        .add(&deep, id(1_000), ListenerOptions::new(), no_op())
        .unwrap();
    assert_eq!(registry.matching(&topic).len(), 60);
}

/// T3: the error says whether the pattern or the listener is unknown.
#[test]
fn removing_an_unknown_listener_says_what_is_missing() {
    let registry = Registry::new();
    let pattern = Pattern::new("user.*").unwrap();
    registry
        .add(&pattern, id(1), ListenerOptions::new(), no_op())
        .unwrap();
    let twice = registry.add(&pattern, id(1), ListenerOptions::new(), no_op());
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
    let removed = registry.remove(&pattern, &id(1));
    assert!(matches!(
        removed,
        Err(UnsubscribeError::TopicNotFound { .. })
    ));
}

/// T1: a wildcard of another system is an error that says what to write, in patterns and topics alike, and not a name that matches nothing.
#[test]
fn a_wildcard_of_another_system_is_an_error_that_says_what_to_write() {
    for (name, at, expected) in [
        (
            "order.>",
            6,
            "'>' at byte 6 is a wildcard elsewhere; a pattern has `**` for it",
        ),
        (
            "#",
            0,
            "'#' at byte 0 is a wildcard elsewhere; a pattern has `**` for it",
        ),
        (
            "a.+.b",
            2,
            "'+' at byte 2 is a wildcard elsewhere; a pattern has `*` for it",
        ),
    ] {
        let found = name.as_bytes()[at].into();
        let kind = InvalidTopicKind::ForeignWildcard { found, at };
        assert_eq!(validate_topic(name).unwrap_err().kind, kind);
        assert_eq!(Pattern::new(name).unwrap_err().kind, kind);
        assert_eq!(kind.to_string(), expected);
    }
    for name in ["c#.released", "a+b", "->", "order.>>", "a.##"] {
        assert_eq!(validate_topic(name), Ok(()), "{name}");
        assert!(Pattern::new(name).unwrap().is_literal(), "{name}");
    }
}
