//! A map whose keys are patterns.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::hash_map::HashMap;
use super::trie::{Leaf, Node};
use crate::topic::Pattern;

/// A map from patterns, which finds the patterns that match a topic without looking at the others.
///
/// Immutable inside: cloning it is cheap, and a changed clone shares all but a few nodes with the map it was cloned from.
///
/// ```
/// use soiree_core::Pattern;
/// use soiree_core::registry::PatternMap;
///
/// let mut rooms = PatternMap::default();
/// for (pattern, room) in [("guest.*", "hall"), ("guest.**", "garden"), ("cook.*", "kitchen")] {
///     rooms.insert(&Pattern::new(pattern)?, room);
/// }
/// let mut found = Vec::new();
/// rooms.for_each_match("guest.ann", |room| found.push(*room));
/// found.sort();
/// assert_eq!(found, ["garden", "hall"]);
/// # Ok::<(), soiree_core::InvalidTopic>(())
/// ```
#[derive(Clone)]
pub struct PatternMap<V> {
    hasher: RandomState,
    /// The patterns without a wildcard.
    literal: HashMap<Entry<V>>,
    /// The patterns with wildcards.
    wildcard: Node<Entry<V>>,
    len: usize,
}

/// A pattern and its value.
struct Entry<V>(Arc<(Arc<str>, V)>);

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> Leaf for Entry<V> {
    fn pattern(&self) -> &Arc<str> {
        &self.0.0
    }
}

impl<V> Default for PatternMap<V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            literal: HashMap::default(),
            wildcard: Node::default(),
            len: 0,
        }
    }
}

impl<V> PatternMap<V> {
    /// The number of patterns.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no patterns.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets the value of a pattern, replacing an earlier one.
    pub fn insert(&mut self, pattern: &Pattern, value: V) {
        let entry = Entry(Arc::new((Arc::clone(pattern.text()), value)));
        self.len += usize::from(self.get(pattern).is_none());
        self.set(pattern, Some(entry));
    }

    /// Removes a pattern. Returns whether it had a value.
    pub fn remove(&mut self, pattern: &Pattern) -> bool {
        let has_value = self.get(pattern).is_some();
        if has_value {
            self.len -= 1;
            self.set(pattern, None);
        }
        has_value
    }

    fn set(&mut self, pattern: &Pattern, entry: Option<Entry<V>>) {
        let text = pattern.text();
        if pattern.is_literal() {
            let (hash, eq) = (self.hash(text), |other: &Entry<V>| other.pattern() == text);
            self.literal = self.literal.alter(hash, eq, |_| entry);
        } else {
            let mut replace = |_: Option<&Entry<V>>| entry.clone();
            self.wildcard = self.wildcard.alter(&self.hasher, text, &mut replace);
        }
    }

    /// The value of exactly this pattern.
    pub fn get(&self, pattern: &Pattern) -> Option<&V> {
        let entry = if pattern.is_literal() {
            self.literal_entry(pattern.as_str())
        } else {
            self.wildcard.get(&self.hasher, pattern.as_str())
        };
        entry.map(|entry| &entry.0.1)
    }

    fn literal_entry(&self, topic: &str) -> Option<&Entry<V>> {
        if self.literal.is_empty() {
            return None;
        }
        let eq = |entry: &Entry<V>| **entry.pattern() == *topic;
        self.literal.get(self.hash(topic), eq)
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    /// Calls `found` with the value of each pattern that matches the topic, in no order. The topic is not checked.
    ///
    /// Takes no more time if there are more patterns that do not match.
    pub fn for_each_match<'a>(&'a self, topic: &str, mut found: impl FnMut(&'a V)) {
        if let Some(entry) = self.literal_entry(topic) {
            found(&entry.0.1);
        }
        if !self.wildcard.is_empty() {
            let found = |entry: &'a Entry<V>| found(&entry.0.1);
            self.wildcard.for_each_match(&self.hasher, topic, found);
        }
    }

    /// The value of the topic itself, if it has one. If not, the one with the largest rank among those of the patterns with
    /// wildcards that match the topic.
    pub fn best_match<R: Ord>(&self, topic: &str, rank: impl Fn(&V) -> R) -> Option<&V> {
        if let Some(entry) = self.literal_entry(topic) {
            return Some(&entry.0.1);
        }
        if self.wildcard.is_empty() {
            return None;
        }
        let mut best: Option<(R, &V)> = None;
        self.wildcard
            .for_each_match(&self.hasher, topic, |Entry(entry)| {
                let found = (rank(&entry.1), &entry.1);
                if best.as_ref().is_none_or(|best| found.0 > best.0) {
                    best = Some(found);
                }
            });
        best.map(|(_, value)| value)
    }

    /// Calls `found` with the value of each pattern that has a wildcard, and may match a topic that this pattern matches too.
    ///
    /// Leaves out those that certainly do not, without looking at most of them: patterns are compared up to the first `**` of
    /// either.
    pub fn for_each_candidate<'a>(&'a self, pattern: &Pattern, mut found: impl FnMut(&'a V)) {
        let text = pattern.as_str();
        self.wildcard
            .for_each_candidate(&self.hasher, text, &mut |entry| found(&entry.0.1));
    }

    /// All values, in no order.
    pub fn values(&self) -> Vec<&V> {
        let mut values = Vec::with_capacity(self.len);
        values.extend(self.literal.values().map(|entry| &entry.0.1));
        self.wildcard.for_each(&mut |entry| values.push(&entry.0.1));
        values
    }
}

impl<V: fmt::Debug> fmt::Debug for PatternMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::matching::steps_of;
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).expect("the pattern is valid")
    }

    /// All topics of up to five segments out of three.
    fn topics() -> Vec<String> {
        let segments = ["a", "b", "c"];
        let mut all: Vec<String> = segments.map(String::from).to_vec();
        let mut longest = all.clone();
        for _ in 0..4 {
            let longer = longest
                .iter()
                .flat_map(|start| segments.map(|end| format!("{start}.{end}")));
            longest = longer.collect();
            all.extend_from_slice(&longest);
        }
        all
    }

    proptest! {
        /// T1, T2: the patterns of a topic are those that match it one by one.
        #[test]
        fn finds_the_patterns_that_match(
            changes in prop::collection::vec(
                (prop::collection::vec(prop::sample::select(&["a", "b", "*", "**"][..]), 1..4), any::<bool>()),
                0..40,
            ),
            topic in prop::collection::vec(prop::sample::select(&["a", "b", "c"][..]), 1..5),
            topic_or_pattern in prop::collection::vec(prop::sample::select(&["a", "b", "*", "**"][..]), 1..4),
        ) {
            let topic_or_pattern = topic_or_pattern.join(".");
            let (mut map, mut oracle) = (PatternMap::default(), BTreeMap::new());
            for ((segments, insert), number) in changes.into_iter().zip(0..) {
                let pattern = pattern(&segments.join("."));
                if insert {
                    map.insert(&pattern, number);
                    oracle.insert(pattern, number);
                } else {
                    prop_assert_eq!(map.remove(&pattern), oracle.remove(&pattern).is_some());
                }
                prop_assert_eq!((map.len(), map.is_empty()), (oracle.len(), oracle.is_empty()));
            }
            for (pattern, number) in &oracle {
                prop_assert_eq!(map.get(pattern), Some(number));
            }
            let topic = topic.join(".");
            let mut found = Vec::new();
            map.for_each_match(&topic, |number| found.push(*number));
            let matching = oracle.iter().filter(|(pattern, _)| pattern.matches(&topic));
            let mut expected: Vec<_> = matching.map(|(_, number)| *number).collect();
            found.sort_unstable();
            expected.sort_unstable();
            let literal = oracle.get(&pattern(&topic)).copied();
            let best = map.best_match(&topic, |number| *number).copied();
            prop_assert_eq!(best, literal.or(expected.last().copied()));
            prop_assert_eq!(found, expected);
            let topics = topics();
            let overlapping = oracle.iter().filter(|(other, _)| {
                !other.is_literal() && topics.iter().any(|topic| other.matches(topic) && pattern(&topic_or_pattern).matches(topic))
            });
            let mut candidates = BTreeSet::new();
            map.for_each_candidate(&pattern(&topic_or_pattern), |number| assert!(candidates.insert(*number)));
            for (other, number) in overlapping {
                prop_assert!(candidates.contains(number), "{} {}", topic_or_pattern, other);
            }
            let mut values: Vec<_> = map.values().into_iter().copied().collect();
            values.sort_unstable();
            let mut expected: Vec<_> = oracle.into_values().collect();
            expected.sort_unstable();
            prop_assert_eq!(values, expected);
        }
    }

    /// T2: among 10,000 patterns a search takes as many steps as among 10.
    #[test]
    fn a_search_takes_no_more_steps_among_more_patterns() {
        let steps_among = |count: u32| {
            let mut map = PatternMap::default();
            for number in 0..count {
                for text in [
                    format!("tenant.{number}.*"),
                    format!("{number}.**"),
                    format!("*.{number}.mail"),
                    format!("**.{number}"),
                    format!("tenant.{number}.mail"),
                ] {
                    map.insert(&pattern(&text), number);
                }
            }
            let mut found = 0;
            let steps = steps_of(|| map.for_each_match("tenant.7.mail", |_| found += 1));
            assert_eq!(found, 3);
            steps
        };
        assert_eq!(steps_among(10), steps_among(10_000));
    }
}
