//! The registry: which listeners are subscribed, and what remains when they are removed.

use std::panic::Location;
use std::sync::Arc;

use soiree_core::{
    Event, Listener, ListenerId, ListenerOptions, Pattern, Registry, UnsubscribeError,
};

fn no_op() -> Arc<dyn Listener> {
    Arc::new(|_: &dyn Event| ())
}

fn subscribe(registry: &Registry, pattern: &Pattern, id: &ListenerId) {
    registry
        .add(pattern, id.clone(), ListenerOptions::new(), no_op())
        .expect("the pattern has no listener with that ID");
}

fn pattern(text: impl AsRef<str>) -> Pattern {
    Pattern::new(text.as_ref()).expect("the pattern is valid")
}

/// L3: removing a listener from one pattern keeps the listeners with the same ID of other patterns.
#[test]
fn one_id_may_be_used_with_many_patterns() {
    let registry = Registry::new();
    let id = ListenerId::new("audit");
    let patterns: Vec<Pattern> = (0..1_000)
        .map(|n| pattern(format!("tenant{n}.*")))
        .collect();
    for pattern in &patterns {
        subscribe(&registry, pattern, &id);
    }
    for (index, pattern) in patterns.iter().enumerate() {
        assert_eq!(registry.len(), 1_000 - index);
        assert_eq!(registry.listeners_of(pattern), 1);
        assert_eq!(registry.remove(pattern, &id), Ok(()));
        assert_eq!(registry.listeners_of(pattern), 0);
        assert_eq!(
            registry.remove(pattern, &id),
            Err(UnsubscribeError::TopicNotFound {
                pattern: pattern.clone()
            })
        );
    }
}

/// L3: removing a listener from a pattern keeps the other listeners of the pattern.
#[test]
fn one_pattern_may_have_many_listeners() {
    let registry = Registry::new();
    let pattern = pattern("a.b");
    let ids: Vec<ListenerId> = (0..1_000).map(|n| ListenerId::new(n.to_string())).collect();
    for id in &ids {
        subscribe(&registry, &pattern, id);
    }
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(registry.matching("a.b"), ids[index..]);
        assert_eq!(registry.remove(&pattern, id), Ok(()));
    }
    assert!(registry.matching("a.b").is_empty());
}

/// T3: a registry is empty before its first listener is added and after its last one is removed.
#[test]
fn a_registry_without_listeners_is_empty() {
    let registry = Registry::new();
    let (pattern, id) = (pattern("a.*"), ListenerId::new("one"));
    assert!(registry.is_empty());
    subscribe(&registry, &pattern, &id);
    assert!(!registry.is_empty());
    assert_eq!(registry.remove(&pattern, &id), Ok(()));
    assert!(registry.is_empty());
}

/// L1: patterns are listed segment by segment, so that what belongs together stands together.
#[test]
fn patterns_are_sorted_segment_by_segment() {
    let registry = Registry::new();
    let id = ListenerId::new("audit");
    for text in ["a1", "a-b", "a.b", "a", "a.b.c", "a.*", "b"] {
        subscribe(&registry, &pattern(text), &id);
    }
    let listed = registry.patterns();
    let listed: Vec<&str> = listed.iter().map(|info| info.pattern.as_str()).collect();
    assert_eq!(listed, ["a", "a.*", "a.b", "a.b.c", "a-b", "a1", "b"]);
}

/// The places that subscribed the listeners of a pattern are counted, those of most listeners first.
#[test]
fn places_of_registration_are_counted() {
    let registry = Registry::new();
    let at = |place: &'static Location<'static>, count: usize| {
        for _ in 0..count {
            let options = ListenerOptions::new().registered_at(place);
            let added = registry.add(&pattern("a"), ListenerId::generate(), options, no_op());
            added.expect("the ID is new");
        }
    };
    let few = here();
    let many = here();
    at(few, 2);
    at(many, 3);
    let places = registry.places_of(&pattern("a"));
    let counts: Vec<_> = places
        .iter()
        .map(|one| (one.location, one.listeners))
        .collect();
    assert_eq!(counts, [(Some(many), 3), (Some(few), 2)]);
    assert!(registry.places_of(&pattern("b")).is_empty());
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}
