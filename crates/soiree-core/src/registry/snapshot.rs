//! All subscriptions at one moment.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::hash_map::HashMap;
use super::pattern_listeners::PatternListeners;
use super::pattern_map::PatternMap;
use super::registration::Registration;
use super::topic_cache::{CachedTopic, MIN_SETS, TopicCache};
use super::trie::{Leaf, Node};
use crate::topic::Pattern;

/// The patterns that are reserved, and how often each. `None` if there are none.
pub(super) type Reserved = Option<Arc<PatternMap<usize>>>;

/// All subscriptions at one moment.
///
/// A published snapshot never changes, so an emission reads it without a lock and sees the same listeners throughout.
pub struct Snapshot {
    hasher: RandomState,
    /// The patterns without a wildcard.
    literal: HashMap<PatternListeners>,
    /// The patterns with wildcards.
    wildcard: Node<PatternListeners>,
    topic_cache: TopicCache,
    reserved: Reserved,
}

/// What a snapshot knows about a topic.
#[derive(Clone, Copy)]
pub enum Lookup<'a> {
    /// The listeners of the topic, which are in the cache.
    Cached(&'a CachedTopic),
    /// The topic is not in the cache.
    Uncached(TopicHash),
}

/// The hash of a topic. Valid in every snapshot of the registry that computed it.
#[derive(Clone, Copy)]
pub struct TopicHash(u64);

impl TopicHash {
    #[inline]
    pub(super) fn of(topic: &str, hasher: &RandomState) -> Self {
        Self(hasher.hash_one(topic))
    }
}

/// Receives the listeners of a topic.
pub trait Visitor {
    /// Called once, with all listeners in calling order, and the snapshot that holds them.
    fn visit<'e>(
        &mut self,
        registrations: impl Iterator<Item = &'e Arc<Registration>>,
        snapshot: &Arc<Snapshot>,
    );
}

/// The listeners of a topic, in calling order.
pub type TopicListeners<'a> = SmallVec<[&'a Arc<Registration>; 16]>;

/// A topic with more listeners than this is never cached, which bounds the memory of the cache.
const MAX_CACHED_LISTENERS: usize = 1024;

impl Snapshot {
    pub(super) fn empty(hasher: RandomState) -> Self {
        Self {
            hasher,
            literal: HashMap::default(),
            wildcard: Node::default(),
            topic_cache: TopicCache::new(MIN_SETS),
            reserved: None,
        }
    }

    /// A copy with one more registration.
    pub(super) fn with(&self, registration: &Arc<Registration>) -> Self {
        self.alter(registration, true)
    }

    /// A copy without a registration.
    pub(super) fn without(&self, registration: &Arc<Registration>) -> Self {
        self.alter(registration, false)
    }

    fn alter(&self, registration: &Arc<Registration>, insert: bool) -> Self {
        let mut literal = self.literal.clone();
        let mut wildcard = self.wildcard.clone();
        let pattern = &registration.pattern;
        if registration.literal {
            let hash = self.hasher.hash_one(&**pattern);
            literal = literal.alter(
                hash,
                |listeners| listeners.pattern() == pattern,
                |old| PatternListeners::alter(old, registration, insert),
            );
        } else {
            wildcard = wildcard.alter(&self.hasher, pattern, &mut |old| {
                PatternListeners::alter(old, registration, insert)
            });
        }
        Self {
            hasher: self.hasher.clone(),
            literal,
            wildcard,
            topic_cache: self.topic_cache.emptied(),
            reserved: self.reserved.clone(),
        }
    }

    /// A copy with other topics reserved.
    pub(super) fn with_reserved(&self, reserved: Reserved) -> Self {
        Self {
            hasher: self.hasher.clone(),
            literal: self.literal.clone(),
            wildcard: self.wildcard.clone(),
            topic_cache: self.topic_cache.emptied(),
            reserved,
        }
    }

    pub(super) fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// A copy with an empty, larger cache.
    pub(super) fn with_larger_cache(&self) -> Self {
        Self {
            hasher: self.hasher.clone(),
            literal: self.literal.clone(),
            wildcard: self.wildcard.clone(),
            topic_cache: self.topic_cache.enlarged(),
            reserved: self.reserved.clone(),
        }
    }

    /// The listeners of exactly this pattern.
    pub(super) fn listeners_of(&self, pattern: &Pattern) -> Option<&PatternListeners> {
        if pattern.is_literal() {
            self.literal_listeners(self.hash(pattern.as_str()).0, pattern.as_str())
        } else {
            self.wildcard.get(&self.hasher, pattern.as_str())
        }
    }

    fn literal_listeners(&self, hash: u64, topic: &str) -> Option<&PatternListeners> {
        self.literal
            .get(hash, |listeners| **listeners.pattern() == *topic)
    }

    /// Calls `visit` with the listeners of every pattern, in no order of patterns.
    pub(super) fn for_each_pattern<'a>(&'a self, visit: &mut dyn FnMut(&'a PatternListeners)) {
        self.literal.values().for_each(&mut *visit);
        self.wildcard.for_each(visit);
    }

    /// Whether any listener of the topic satisfies the predicate. Does not count the topic as emitted.
    ///
    /// Allocates only if very many patterns with wildcards match a part of the topic.
    pub(super) fn any(&self, topic: &str, predicate: impl Fn(&Arc<Registration>) -> bool) -> bool {
        let hash = match self.find(self.hash(topic), topic) {
            Lookup::Cached(cached) => return cached.registrations().any(predicate),
            Lookup::Uncached(hash) => hash,
        };
        let literal = self.literal_listeners(hash.0, topic);
        if literal.is_some_and(|listeners| listeners.any(&predicate)) {
            return true;
        }
        let mut any = false;
        if !self.wildcard.is_empty() {
            self.wildcard
                .for_each_match(&self.hasher, topic, |listeners| {
                    any = any || listeners.any(&predicate);
                });
        }
        any
    }

    /// Looks a topic up in the cache. `hash` is [`Registry::hash`](super::Registry::hash) of the topic.
    #[inline]
    pub fn find(&self, hash: TopicHash, topic: &str) -> Lookup<'_> {
        match self.topic_cache.get(hash.0, topic) {
            Some(cached) => Lookup::Cached(cached),
            None => Lookup::Uncached(hash),
        }
    }

    pub(super) fn hash(&self, topic: &str) -> TopicHash {
        TopicHash::of(topic, &self.hasher)
    }

    /// Calls `visit` with the listeners of a topic, in calling order. Does not count the topic as emitted.
    pub fn for_each_matching(&self, topic: &str, mut visit: impl FnMut(&Arc<Registration>)) {
        match self.find(self.hash(topic), topic) {
            Lookup::Cached(cached) => cached.registrations().for_each(visit),
            Lookup::Uncached(hash) => self.resolve(hash, topic).into_iter().for_each(&mut visit),
        }
    }

    /// Passes the listeners of a topic to the visitor, and counts the topic as emitted. Returns whether the cache is too small.
    pub(super) fn visit(
        self: &Arc<Self>,
        topic: &str,
        lookup: Lookup<'_>,
        visitor: &mut impl Visitor,
    ) -> bool {
        let hash = match lookup {
            Lookup::Cached(cached) => {
                visitor.visit(cached.registrations(), self);
                return false;
            }
            Lookup::Uncached(hash) => hash,
        };
        let (listeners, saturated) = self.uncached(topic, hash);
        visitor.visit(listeners.into_iter(), self);
        saturated
    }

    /// The listeners of a topic that is not in the cache, which counts as emitted. Also returns whether the cache is too small.
    pub(super) fn uncached(&self, topic: &str, hash: TopicHash) -> (TopicListeners<'_>, bool) {
        let listeners = self.resolve(hash, topic);
        let mut saturated = false;
        if listeners.len() <= MAX_CACHED_LISTENERS && self.topic_cache.seen_before(hash.0) {
            let is_reserved = self.matches_reserved(topic);
            let cache = &self.topic_cache;
            saturated = cache.insert(hash.0, topic, &listeners, is_reserved);
        }
        (listeners, saturated)
    }

    /// Passes the listeners of exactly this pattern to the visitor, in calling order.
    pub fn visit_pattern(self: &Arc<Self>, pattern: &Pattern, visitor: &mut impl Visitor) {
        let registrations = self
            .listeners_of(pattern)
            .into_iter()
            .flat_map(PatternListeners::iter);
        visitor.visit(registrations, self);
    }

    /// Finds the listeners of a topic, in calling order, without the cache.
    fn resolve(&self, TopicHash(hash): TopicHash, topic: &str) -> TopicListeners<'_> {
        let mut matching: SmallVec<[&PatternListeners; 8]> = SmallVec::new();
        matching.extend(self.literal_listeners(hash, topic));
        if !self.wildcard.is_empty() {
            self.wildcard
                .for_each_match(&self.hasher, topic, |listeners| matching.push(listeners));
        }
        let mut registrations = TopicListeners::new();
        for listeners in &matching {
            match listeners {
                PatternListeners::One(only) => registrations.push(only),
                PatternListeners::Many(_) => registrations.extend(listeners.iter()),
            }
        }
        if matching.len() > 1 {
            registrations.sort_unstable_by_key(|registration| registration.rank);
        }
        registrations
    }
}

impl Snapshot {
    /// Whether the topic is reserved. Does not count the topic as emitted.
    pub fn is_reserved(&self, topic: &str) -> bool {
        self.reserved().is_some() && self.is_reserved_in(self.find(self.hash(topic), topic), topic)
    }

    /// As [`is_reserved`](Self::is_reserved), for a caller that has looked the topic up.
    #[inline]
    pub fn is_reserved_in(&self, found: Lookup<'_>, topic: &str) -> bool {
        match found {
            Lookup::Cached(cached) => cached.is_reserved,
            Lookup::Uncached(_) => self.matches_reserved(topic),
        }
    }

    pub(super) fn matches_reserved(&self, topic: &str) -> bool {
        let mut matches = false;
        if let Some(reserved) = self.reserved() {
            reserved.for_each_match(topic, |_| matches = true);
        }
        matches
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::listener::ListenerId;
    use crate::options::ListenerOptions;

    fn registration(pattern: &str, seq: u64) -> Arc<Registration> {
        let pattern = Pattern::new(pattern).expect("the pattern is valid");
        let (id, options) = (ListenerId::new(seq.to_string()), ListenerOptions::new());
        let listener = Arc::new(|_: &dyn crate::Event| ());
        let registration =
            Registration::new(&pattern, id, options, listener).expect("the options are valid");
        registration.registered(seq)
    }

    /// Counts the listeners.
    pub(in super::super) struct CountVisitor<'a>(pub(in super::super) &'a mut usize);

    impl Visitor for CountVisitor<'_> {
        fn visit<'e>(
            &mut self,
            registrations: impl Iterator<Item = &'e Arc<Registration>>,
            _: &Arc<Snapshot>,
        ) {
            *self.0 += registrations.count();
        }
    }

    fn empty() -> Snapshot {
        Snapshot::empty(RandomState::default())
    }

    fn lookup<'a>(snapshot: &'a Snapshot, topic: &str) -> Lookup<'a> {
        snapshot.find(snapshot.hash(topic), topic)
    }

    fn is_cached(snapshot: &Snapshot, topic: &str) -> bool {
        matches!(lookup(snapshot, topic), Lookup::Cached(_))
    }

    /// T3: patterns whose listeners were removed leave no nodes behind.
    #[test]
    fn removed_patterns_leave_nothing_behind() {
        let patterns = ["a", "a.b", "*", "a.*", "a.b.*", "a.**", "**.a", "*.*.a.**"];
        let registrations: Vec<_> = patterns
            .into_iter()
            .zip(0..)
            .map(|(pattern, seq)| registration(pattern, seq))
            .collect();
        let full = registrations.iter().fold(empty(), |all, one| all.with(one));
        assert!(!full.wildcard.is_empty() && !full.literal.is_empty());
        let none = registrations.iter().fold(full, |all, one| all.without(one));
        assert!(none.wildcard.is_empty() && none.literal.is_empty());
    }

    /// T3: a topic is cached when it is emitted for the second time, unless it has too many listeners.
    #[test]
    fn a_topic_is_cached_at_its_second_emit_unless_too_many_listen() {
        let fill = |count: usize| {
            let registrations = (0..count as u64).map(|seq| registration("*", seq));
            registrations.fold(empty(), |all, one| all.with(&one))
        };
        for (count, cached) in [
            (1, true),
            (MAX_CACHED_LISTENERS, true),
            (MAX_CACHED_LISTENERS + 1, false),
        ] {
            let snapshot = Arc::new(fill(count));
            let mut visited = 0;
            let mut visitor = CountVisitor(&mut visited);
            snapshot.visit("a", lookup(&snapshot, "a"), &mut visitor);
            assert!(!is_cached(&snapshot, "a"), "{count} listeners, one emit");
            snapshot.visit("a", lookup(&snapshot, "a"), &mut visitor);
            assert_eq!(
                is_cached(&snapshot, "a"),
                cached,
                "{count} listeners, two emits"
            );
            snapshot.visit("a", lookup(&snapshot, "a"), &mut visitor);
            assert_eq!(visited, 3 * count);
        }
    }

    /// T3: a query does not count as an emit, so it never fills the cache.
    #[test]
    fn a_query_does_not_count_as_an_emit() {
        let snapshot = Arc::new(empty().with(&registration("*", 0)));
        for _ in 0..3 {
            assert!(snapshot.any("a", |_| true));
            let mut visited = 0;
            snapshot.for_each_matching("a", |_| visited += 1);
            assert_eq!(visited, 1);
        }
        let emit = || snapshot.visit("a", lookup(&snapshot, "a"), &mut CountVisitor(&mut 0));
        emit();
        assert!(!is_cached(&snapshot, "a"), "it was emitted once");
        emit();
        assert!(is_cached(&snapshot, "a"), "it was emitted twice");
        assert!(snapshot.any("a", |_| true) && !snapshot.any("a", |_| false));
    }
}
