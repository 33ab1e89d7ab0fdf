//! All subscriptions at one moment.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::hash_map::HashMap;
use super::pattern_listeners::PatternListeners;
use super::registration::Registration;
use super::topic_cache::{CachedTopic, SMALLEST, TopicCache};
use super::trie::Node;
use crate::topic::Pattern;

/// Never changed once published: an emission that reads it needs no lock and sees one state of affairs.
pub struct Snapshot {
    hasher: RandomState,
    exact: HashMap<PatternListeners>,
    wild: Node,
    topic_cache: TopicCache,
}

/// What is known of a topic.
#[derive(Clone, Copy)]
pub enum Lookup<'a> {
    /// Its listeners: it was emitted before.
    Cached(&'a CachedTopic),
    /// Where to look for it.
    Uncached(Hash),
}

/// Where to look for a topic, in all snapshots of a registry.
#[derive(Clone, Copy)]
pub struct Hash(u64);

impl Hash {
    #[inline]
    pub(super) fn of(topic: &str, hasher: &RandomState) -> Self {
        Self(hasher.hash_one(topic))
    }
}

/// Goes through the listeners of a topic.
pub trait Visitor {
    /// Is called once, with all of them.
    fn visit<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e Arc<Registration>>,
        snapshot: &Arc<Snapshot>,
    );
}

/// Topics of more listeners than this are topic_cache anew each time, to bound what the table of topics holds.
const MOST_KEPT: usize = 1024;

impl Snapshot {
    pub(super) fn empty(hasher: RandomState) -> Self {
        Self {
            hasher,
            exact: HashMap::default(),
            wild: Node::default(),
            topic_cache: TopicCache::new(SMALLEST),
        }
    }

    /// This snapshot with one entry more (`insert`) or fewer.
    pub(super) fn with(&self, entry: &Arc<Registration>, insert: bool) -> Self {
        let mut exact = self.exact.clone();
        let mut wild = self.wild.clone();
        let pattern = &entry.pattern;
        if entry.literal {
            let hash = self.hasher.hash_one(&**pattern);
            exact = exact.updated(
                hash,
                |group| group.pattern() == pattern,
                |old| PatternListeners::updated(old, entry, insert),
            );
        } else {
            wild = wild.updated(&self.hasher, pattern, &mut |old| {
                PatternListeners::updated(old, entry, insert)
            });
        }
        let topic_cache = TopicCache::new(self.topic_cache.size());
        Self {
            hasher: self.hasher.clone(),
            exact,
            wild,
            topic_cache,
        }
    }

    /// This snapshot with a larger, empty table of topic_cache topics.
    pub(super) fn with_fresh_table(&self) -> Self {
        Self {
            hasher: self.hasher.clone(),
            exact: self.exact.clone(),
            wild: self.wild.clone(),
            topic_cache: TopicCache::new(self.topic_cache.next_size()),
        }
    }

    /// The listeners of exactly this pattern, in calling order.
    pub(super) fn group(&self, pattern: &Pattern) -> Option<&PatternListeners> {
        if pattern.is_literal() {
            self.exact_group(self.hash(pattern.as_str()).0, pattern.as_str())
        } else {
            self.wild.group(&self.hasher, pattern.as_str())
        }
    }

    fn exact_group(&self, hash: u64, topic: &str) -> Option<&PatternListeners> {
        self.exact.get(hash, |group| **group.pattern() == *topic)
    }

    /// Calls `found` with the listeners of every pattern, in no order of patterns.
    pub(super) fn each_group<'a>(&'a self, found: &mut dyn FnMut(&'a PatternListeners)) {
        self.exact.values().for_each(&mut *found);
        self.wild.each(found);
    }

    /// Whether this holds of a listener of the topic. Allocates nothing, unless very many patterns with wildcards match a
    /// part of the topic, and does not take the topic for one that was emitted.
    pub(super) fn any(&self, topic: &str, holds: impl Fn(&Arc<Registration>) -> bool) -> bool {
        let hash = match self.find(self.hash(topic), topic) {
            Lookup::Cached(known) => return known.entries().any(holds),
            Lookup::Uncached(hash) => hash,
        };
        let exact = self.exact_group(hash.0, topic);
        if exact.is_some_and(|group| group.any(&holds)) {
            return true;
        }
        let mut any = false;
        if !self.wild.is_empty() {
            self.wild.walk(&self.hasher, topic, |group| {
                any = any || group.any(&holds);
            });
        }
        any
    }

    /// What is known of a topic before its listeners are looked for.
    #[inline]
    pub fn find(&self, hash: Hash, topic: &str) -> Lookup<'_> {
        match self.topic_cache.get(hash.0, topic) {
            Some(known) => Lookup::Cached(known),
            None => Lookup::Uncached(hash),
        }
    }

    pub(super) fn hash(&self, topic: &str) -> Hash {
        Hash::of(topic, &self.hasher)
    }

    /// Calls `found` with the listeners of a topic, in calling order. Does not take the topic for one that was emitted.
    pub(super) fn look(&self, topic: &str, mut found: impl FnMut(&Arc<Registration>)) {
        match self.find(self.hash(topic), topic) {
            Lookup::Cached(known) => known.entries().for_each(found),
            Lookup::Uncached(hash) => self.resolve(hash, topic).into_iter().for_each(&mut found),
        }
    }

    /// Has the listeners of a topic visited, in calling order. Says whether a larger table is wanted.
    pub(super) fn visit(
        self: &Arc<Self>,
        topic: &str,
        found: Lookup<'_>,
        visitor: &mut impl Visitor,
    ) -> bool {
        let hash = match found {
            Lookup::Cached(known) => {
                visitor.visit(known.entries(), self);
                return false;
            }
            Lookup::Uncached(hash) => hash,
        };
        let listeners = self.resolve(hash, topic);
        let mut saturated = false;
        if listeners.len() <= MOST_KEPT && self.topic_cache.seen_before(hash.0) {
            saturated = self.topic_cache.keep(hash.0, topic, &listeners);
        }
        visitor.visit(listeners.into_iter(), self);
        saturated
    }

    /// Has the listeners of exactly this pattern visited.
    pub fn visit_pattern(self: &Arc<Self>, pattern: &Pattern, visitor: &mut impl Visitor) {
        let entries = self
            .group(pattern)
            .into_iter()
            .flat_map(PatternListeners::iter);
        visitor.visit(entries, self);
    }

    fn resolve(&self, Hash(hash): Hash, topic: &str) -> SmallVec<[&Arc<Registration>; 16]> {
        let mut groups: SmallVec<[&PatternListeners; 8]> = SmallVec::new();
        groups.extend(self.exact_group(hash, topic));
        if !self.wild.is_empty() {
            self.wild
                .walk(&self.hasher, topic, |group| groups.push(group));
        }
        let mut listeners: SmallVec<[&Arc<Registration>; 16]> = SmallVec::new();
        for group in &groups {
            match group {
                PatternListeners::One(only) => listeners.push(only),
                PatternListeners::Many(_) => listeners.extend(group.iter()),
            }
        }
        if groups.len() > 1 {
            listeners.sort_unstable_by_key(|entry| entry.rank);
        }
        listeners
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::listener::ListenerId;
    use crate::options::ListenerOptions;

    fn entry(pattern: &str, seq: u64) -> Arc<Registration> {
        let pattern = Pattern::new(pattern).expect("the pattern is sound");
        let (id, options) = (ListenerId::new(seq.to_string()), ListenerOptions::new());
        let listener = Arc::new(|_: &dyn crate::Event| ());
        let entry =
            Registration::new(&pattern, id, options, listener).expect("the options are valid");
        entry.registered(seq)
    }

    /// Counts them.
    pub(in super::super) struct Count<'a>(pub(in super::super) &'a mut usize);

    impl Visitor for Count<'_> {
        fn visit<'e>(
            &mut self,
            entries: impl Iterator<Item = &'e Arc<Registration>>,
            _: &Arc<Snapshot>,
        ) {
            *self.0 += entries.count();
        }
    }

    fn empty() -> Snapshot {
        Snapshot::empty(RandomState::default())
    }

    fn found(snapshot: &Snapshot) -> Lookup<'_> {
        snapshot.find(snapshot.hash("a"), "a")
    }

    fn is_kept(snapshot: &Snapshot, topic: &str) -> bool {
        matches!(
            snapshot.find(snapshot.hash(topic), topic),
            Lookup::Cached(_)
        )
    }

    /// T3: patterns that lost their listeners leave no nodes behind.
    #[test]
    fn what_is_taken_off_leaves_nothing() {
        let entries = ["a", "a.b", "*", "a.*", "a.b.*", "a.**", "**.a", "*.*.a.**"];
        let entries: Vec<_> = entries
            .into_iter()
            .zip(0..)
            .map(|(p, s)| entry(p, s))
            .collect();
        let full = entries.iter().fold(empty(), |all, one| all.with(one, true));
        assert!(!full.wild.is_empty() && !full.exact.is_empty());
        let none = entries.iter().fold(full, |all, one| all.with(one, false));
        assert!(none.wild.is_empty() && none.exact.is_empty());
    }

    /// T3: topics that are emitted once leave nothing, and those of very many listeners do not either.
    #[test]
    fn topics_are_kept_when_met_twice_unless_too_many_listen() {
        let fill = |count: usize| {
            let entries = (0..count as u64).map(|seq| entry("*", seq));
            entries.fold(empty(), |all, one| all.with(&one, true))
        };
        for (count, kept) in [(1, true), (MOST_KEPT, true), (MOST_KEPT + 1, false)] {
            let snapshot = Arc::new(fill(count));
            let mut heard = 0;
            let mut visit = Count(&mut heard);
            snapshot.visit("a", found(&snapshot), &mut visit);
            assert!(!is_kept(&snapshot, "a"), "{count} listeners, seen once");
            snapshot.visit("a", found(&snapshot), &mut visit);
            assert_eq!(
                is_kept(&snapshot, "a"),
                kept,
                "{count} listeners, seen twice"
            );
            snapshot.visit("a", found(&snapshot), &mut visit);
            assert_eq!(heard, 3 * count);
        }
    }

    /// T3: to ask is not to emit: a topic that is only asked after is not remembered.
    #[test]
    fn a_topic_that_is_asked_after_was_not_met() {
        let snapshot = Arc::new(empty().with(&entry("*", 0), true));
        for _ in 0..3 {
            assert!(snapshot.any("a", |_| true));
            let mut heard = 0;
            snapshot.look("a", |_| heard += 1);
            assert_eq!(heard, 1);
        }
        let emit = || snapshot.visit("a", found(&snapshot), &mut Count(&mut 0));
        emit();
        assert!(!is_kept(&snapshot, "a"), "it was seen once");
        emit();
        assert!(is_kept(&snapshot, "a"), "it was seen twice");
        assert!(snapshot.any("a", |_| true) && !snapshot.any("a", |_| false));
    }
}
