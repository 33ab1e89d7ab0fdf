//! Looking at the subscriptions. Each look at more than one listener reads one snapshot, takes no lock and holds up nobody.

use std::sync::Arc;

use super::pattern_listeners::PatternListeners;
use super::registration::Registration;
use super::subscriptions::Registry;
use crate::introspection::{ListenerInfo, PatternInfo, TopicInfo};
use crate::listener::ListenerId;
use crate::panic::contained;
use crate::topic::{InvalidTopic, Pattern, validate_topic};

impl Registry {
    /// Whether a pattern has a listener of this ID. Waits for those who subscribe.
    pub fn contains(&self, pattern: &Pattern, id: &ListenerId) -> bool {
        let hash = self.id_hash(pattern.as_str(), id);
        let found =
            |entry: &Arc<Registration>| entry.pattern == *pattern.shared() && entry.id == *id;
        self.lock().by_id.find(hash, found).is_some()
    }

    /// Whether an emission on this topic would find a listener now.
    ///
    /// Takes no lock and, unless very many patterns with wildcards match a part of the topic, allocates nothing. A listener
    /// whose filter would refuse the event counts; one whose runs are used up does not. The answer holds for this moment only:
    /// listeners may come and go before the next line.
    ///
    /// # Errors
    /// If the topic is malformed.
    pub fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        validate_topic(topic)?;
        let snapshot = self.current.load();
        let any = snapshot.any(topic, |entry| entry.has_runs_left());
        contained(move || drop(snapshot));
        Ok(any)
    }

    /// The listeners that an emission on this topic would call now, in that order.
    ///
    /// Those are among them whose filter would refuse the event; those whose runs are used up are not.
    ///
    /// # Errors
    /// If the topic is malformed.
    pub fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        validate_topic(topic)?;
        let mut listeners = Vec::new();
        self.look(topic, |entry| {
            if entry.has_runs_left() {
                listeners.push(entry.info());
            }
        });
        Ok(listeners)
    }

    /// Every pattern that has listeners, with their number, segment by segment in alphabetical order.
    pub fn topics(&self) -> Vec<TopicInfo> {
        let mut topics = Vec::new();
        self.each_group(|pattern, group| {
            topics.push(TopicInfo {
                pattern,
                listeners: group.iter().count(),
            });
        });
        topics.sort_by(|one, other| by_segment(&one.pattern).cmp(by_segment(&other.pattern)));
        topics
    }

    /// Every pattern that has listeners, in the order of [`topics`](Registry::topics), with its listeners in calling order.
    pub fn patterns(&self) -> Vec<PatternInfo> {
        let mut patterns = Vec::new();
        self.each_group(|pattern, group| {
            patterns.push(PatternInfo {
                pattern,
                listeners: group.iter().map(|entry| entry.info()).collect(),
            });
        });
        patterns.sort_by(|one, other| by_segment(&one.pattern).cmp(by_segment(&other.pattern)));
        patterns
    }

    fn each_group(&self, mut found: impl FnMut(Pattern, &PatternListeners)) {
        let snapshot = self.current.load_full();
        snapshot.each_group(&mut |group| {
            let first = group.first();
            found(Pattern::known(&first.pattern, first.literal), group);
        });
        // Listeners that were taken off meanwhile may end with it.
        contained(move || drop(snapshot));
    }
}

/// Orders patterns segment by segment: whatever else a pattern may hold comes after a dot.
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

    /// L3: to look takes no lock, so it neither waits for those who subscribe nor holds them up.
    #[test]
    fn looking_needs_no_lock() {
        let registry = Registry::new();
        for text in ["a", "a.*", "b.**"] {
            let pattern = Pattern::new(text).expect("the pattern is sound");
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
        let writing = registry.lock();
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
        drop(writing);
    }
}
