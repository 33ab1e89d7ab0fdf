//! The registry: who is listed, who is called, and what is left behind.

use std::sync::Arc;

use soiree_core::{
    Event, Listener, ListenerId, ListenerOptions, Pattern, Registry, UnsubscribeError,
};

fn nothing() -> Arc<dyn Listener> {
    Arc::new(|_: &dyn Event| ())
}

fn subscribe(registry: &Registry, pattern: &Pattern, id: &ListenerId) {
    registry
        .add(pattern, id.clone(), ListenerOptions::new(), nothing())
        .expect("the pattern has no listener of that ID");
}

fn pattern(text: impl AsRef<str>) -> Pattern {
    Pattern::new(text.as_ref()).expect("the pattern is sound")
}

/// L3: an ID belongs to its pattern, and taking it off one pattern leaves it on all others.
#[test]
fn one_id_may_serve_many_patterns() {
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

/// L3: one pattern may have many listeners, and taking off one leaves all others.
#[test]
fn one_pattern_may_have_many_ids() {
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

/// T3: a registry is empty before the first and after the last listener.
#[test]
fn a_registry_is_empty_when_nobody_listens() {
    let registry = Registry::new();
    let (pattern, id) = (pattern("a.*"), ListenerId::new("one"));
    assert!(registry.is_empty());
    subscribe(&registry, &pattern, &id);
    assert!(!registry.is_empty());
    assert_eq!(registry.remove(&pattern, &id), Ok(()));
    assert!(registry.is_empty());
}
