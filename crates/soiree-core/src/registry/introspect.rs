//! Queries about the subscriptions.
//!
//! A query about more than one listener reads one snapshot. It waits for no writer, but for the moment in which one exchanges the snapshots, and
//! delays none.

use std::cmp::Reverse;
use std::sync::Arc;

use super::pattern_listeners::PatternListeners;
use super::registration::{Registration, RegistrationKey};
use super::subscriptions::Registry;
use crate::introspection::{ListenerInfo, PatternInfo, TopicInfo};
use crate::listener::ListenerId;
use crate::observe::SubscribedAt;
use crate::panic::contained;
use crate::topic::{InvalidTopic, Pattern, validate_topic};

impl Registry {
    /// Whether a listener with this ID is subscribed to the pattern. Blocks while another thread subscribes or unsubscribes.
    pub fn contains(&self, pattern: &Pattern, id: &ListenerId) -> bool {
        let hash = self.id_hash(pattern.as_str(), id);
        let eq = |registration: &Arc<Registration>| registration.has_id(pattern, id);
        self.lock_writers().by_id.find(hash, eq).is_some()
    }

    /// The registration of the listener with this ID. Blocks while another thread subscribes or unsubscribes.
    pub fn key_of(&self, pattern: &Pattern, id: &ListenerId) -> Option<RegistrationKey> {
        let hash = self.id_hash(pattern.as_str(), id);
        let eq = |registration: &Arc<Registration>| registration.has_id(pattern, id);
        let writers = self.lock_writers();
        Some(writers.by_id.find(hash, eq)?.key())
    }

    /// Whether the listener of exactly this registration is subscribed. Blocks while another thread subscribes or unsubscribes.
    pub fn contains_key(&self, key: &RegistrationKey) -> bool {
        let hash = self.id_hash(&key.pattern, &key.id);
        let writers = self.lock_writers();
        writers
            .by_id
            .find(hash, |registration| key.is(registration))
            .is_some()
    }

    /// Whether an emission on this topic would find a listener now.
    ///
    /// - A listener whose filter would reject the event counts. A listener that has no run left does not.
    /// - The answer may be outdated when this returns: other threads subscribe and unsubscribe meanwhile.
    /// - Waits for no thread that subscribes, but for the moment in which it exchanges the snapshots. Allocates only if very many patterns with wildcards match a part of the topic.
    ///
    /// # Errors
    /// If the topic is malformed.
    pub fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        validate_topic(topic)?;
        let has_runs_left = |registration: &Arc<Registration>| registration.has_runs_left();
        Ok(self
            .current
            .read(|snapshot| snapshot.any(topic, has_runs_left)))
    }

    /// The listeners that an emission on this topic would call now, in calling order.
    ///
    /// A listener whose filter would reject the event is included. A listener that has no run left is not.
    ///
    /// # Errors
    /// If the topic is malformed.
    pub fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        validate_topic(topic)?;
        let mut listeners = Vec::new();
        self.for_each_matching(topic, |registration| {
            if registration.has_runs_left() {
                listeners.push(registration.info());
            }
        });
        Ok(listeners)
    }

    /// Every pattern that has listeners, and how many. Sorted by pattern, segment by segment.
    pub fn topics(&self) -> Vec<TopicInfo> {
        let mut topics = Vec::new();
        self.for_each_pattern(|pattern, listeners| {
            topics.push(TopicInfo {
                pattern,
                listeners: listeners.len(),
            });
        });
        topics.sort_by(|a, b| by_segment(&a.pattern).cmp(by_segment(&b.pattern)));
        topics
    }

    /// Every pattern that has listeners, and its listeners in calling order. Sorted like [`topics`](Registry::topics).
    pub fn patterns(&self) -> Vec<PatternInfo> {
        let mut patterns = Vec::new();
        self.for_each_pattern(|pattern, listeners| {
            patterns.push(PatternInfo {
                pattern,
                listeners: listeners.iter().map(|one| one.info()).collect(),
            });
        });
        patterns.sort_by(|a, b| by_segment(&a.pattern).cmp(by_segment(&b.pattern)));
        patterns
    }

    /// The listeners that fill inboxes, with the figures of these. In no particular order.
    pub fn inboxes(&self) -> Vec<ListenerInfo> {
        let mut inboxes = Vec::new();
        self.for_each_pattern(|_, listeners| {
            let fills_one = |one: &&Arc<Registration>| one.inbox().is_some();
            inboxes.extend(listeners.iter().filter(fills_one).map(|one| one.info()));
        });
        inboxes.retain(|one: &ListenerInfo| one.inbox.is_some());
        inboxes
    }

    /// As [`patterns`](Registry::patterns), together with those of another registry. Of one pattern, its listeners come last.
    pub fn patterns_with(&self, other: &Registry) -> Vec<PatternInfo> {
        let mut patterns = self.patterns();
        patterns.extend(other.patterns());
        // Stable.
        patterns.sort_by(|a, b| by_segment(&a.pattern).cmp(by_segment(&b.pattern)));
        patterns.dedup_by(|next, kept| {
            let is_same = next.pattern == kept.pattern;
            if is_same {
                kept.listeners.append(&mut next.listeners);
            }
            is_same
        });
        patterns
    }

    /// The places in the source that subscribed the listeners of this pattern, those of most listeners first.
    pub fn places_of(&self, pattern: &Pattern) -> Vec<SubscribedAt> {
        let snapshot = self.current.get();
        let mut places: Vec<SubscribedAt> = Vec::new();
        let listeners = snapshot.listeners_of(pattern);
        for one in listeners.into_iter().flat_map(PatternListeners::iter) {
            let location = one.registered_at();
            match places.iter_mut().find(|place| place.location == location) {
                Some(place) => place.listeners += 1,
                None => places.push(SubscribedAt {
                    location,
                    listeners: 1,
                }),
            }
        }
        contained(move || drop(snapshot));
        places.sort_by_key(|place| Reverse(place.listeners));
        places
    }

    fn for_each_pattern(&self, mut visit: impl FnMut(Pattern, &PatternListeners)) {
        let snapshot = self.current.get();
        snapshot.for_each_pattern(&mut |listeners| {
            let first = listeners.first();
            visit(
                Pattern::from_valid(&first.pattern, first.literal),
                listeners,
            );
        });
        // This may be the last reader of the snapshot, and so drop listeners that were removed meanwhile.
        contained(move || drop(snapshot));
    }
}

/// The sort key of a pattern. A dot sorts before all other characters, so that patterns sort segment by segment.
fn by_segment(pattern: &Pattern) -> impl Iterator<Item = u8> {
    let bytes = pattern.as_str().bytes();
    bytes.map(|byte| if byte == b'.' { 0 } else { byte })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::listener::ListenerId;
    use crate::options::ListenerOptions;

    /// L3: a query does not take the lock of writers, so it neither waits until they have done nor delays them.
    #[test]
    fn a_query_does_not_take_the_lock_of_writers() {
        let registry = Registry::new();
        for text in ["a", "a.*", "b.**"] {
            let pattern = Pattern::new(text).expect("the pattern is valid");
            let listener = Arc::new(|_: &dyn crate::Event| ());
            registry
                .add(
                    &pattern,
                    ListenerId::generate(),
                    ListenerOptions::new(),
                    listener,
                )
                .expect("the ID is new");
        }
        let writers = registry.lock_writers();
        assert_eq!(registry.topics().len(), 3);
        assert_eq!(registry.patterns().len(), 3);
        for topic in ["a", "a.b", "b.c.d"] {
            assert_eq!(registry.has_listeners(topic), Ok(true));
            assert_eq!(
                registry.listeners_for(topic).map(|found| found.len()),
                Ok(1)
            );
        }
        assert_eq!(registry.has_listeners("c"), Ok(false));
        drop(writers);
    }
}
