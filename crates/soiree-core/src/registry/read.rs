//! Finding the listeners of a topic.

use std::sync::{Arc, TryLockError};

use super::pattern_listeners::PatternListeners;
use super::registration::Registration;
use super::snapshot::{Lookup, Snapshot, TopicHash, TopicListeners, Visitor};
use super::subscriptions::Registry;
use crate::listener::ListenerId;
use crate::topic::Pattern;

impl Registry {
    /// The hash of a topic, for [`Snapshot::find`]. Compute it before loading a snapshot: the processor waits for that load, and
    /// hashes meanwhile.
    #[inline]
    pub fn hash(&self, topic: &str) -> TopicHash {
        TopicHash::of(topic, &self.hasher)
    }

    /// The current snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.get()
    }

    /// A snapshot without listeners.
    pub fn empty(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot::empty(self.hasher.clone()))
    }

    /// The number of listeners that are subscribed to exactly this pattern.
    pub fn listeners_of(&self, pattern: &Pattern) -> usize {
        self.current.read(|snapshot| {
            snapshot
                .listeners_of(pattern)
                .map_or(0, PatternListeners::len)
        })
    }

    /// The IDs of all listeners that match a topic now, in calling order. Includes listeners that have no run left.
    pub fn matching(&self, topic: &str) -> Vec<ListenerId> {
        let mut ids = Vec::new();
        self.for_each_matching(topic, |registration| ids.push(registration.id.clone()));
        ids
    }

    /// Calls `visit` with each listener that matches a topic now, in calling order.
    ///
    /// The topic may be malformed. It does not count as emitted.
    pub fn for_each_matching(&self, topic: &str, visit: impl FnMut(&Arc<Registration>)) {
        self.current
            .read(|snapshot| snapshot.for_each_matching(topic, visit));
    }

    /// Passes the listeners that match a topic now to the visitor, in calling order. The topic counts as emitted.
    pub fn visit(&self, topic: &str, visitor: &mut impl Visitor) {
        let hash = self.hash(topic);
        // This may be the last reader of a snapshot, and so drop listeners that were removed meanwhile.
        self.current.read(|snapshot| {
            self.visit_in(snapshot, snapshot.find(hash, topic), topic, visitor);
        });
    }

    /// Passes the listeners that match a topic in `snapshot` to the visitor, in calling order. The topic counts as emitted.
    ///
    /// `found` is what [`Snapshot::find`] returned for the topic.
    pub fn visit_in(
        &self,
        snapshot: &Arc<Snapshot>,
        found: Lookup<'_>,
        topic: &str,
        visitor: &mut impl Visitor,
    ) {
        if snapshot.visit(topic, found, visitor) {
            self.enlarge_cache(snapshot);
        }
    }

    /// The listeners that match a topic which is not in the cache of `snapshot`, in calling order. The topic counts as emitted.
    pub fn uncached<'s>(
        &self,
        snapshot: &'s Arc<Snapshot>,
        hash: TopicHash,
        topic: &str,
    ) -> TopicListeners<'s> {
        let (listeners, saturated) = snapshot.uncached(topic, hash);
        if saturated {
            self.enlarge_cache(snapshot);
        }
        listeners
    }

    fn enlarge_cache(&self, saturated: &Arc<Snapshot>) {
        let hook = self.hook();
        let writers = match self.writers.try_lock() {
            Ok(writers) => writers,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The thread that holds the lock is about to publish a snapshot with an empty cache.
            Err(TryLockError::WouldBlock) => return,
        };
        let current = self.current.get();
        let is_current = Arc::ptr_eq(&current, saturated);
        let retired = is_current.then(|| self.publish(current.with_larger_cache(), hook.clone()));
        drop(current);
        drop(writers);
        if let Some(retired) = retired {
            retired.retire();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::CountVisitor;
    use super::*;
    use crate::options::ListenerOptions;

    /// T2: a cache that is too small for the topics in use grows until it is large enough, and not further.
    #[test]
    fn a_saturated_cache_grows_until_it_is_large_enough() {
        let registry = Registry::new();
        let id = ListenerId::new("one");
        let subscribe = |pattern: &str| {
            let pattern = Pattern::new(pattern).expect("the pattern is valid");
            let listener = Arc::new(|_: &dyn crate::Event| ());
            registry
                .add(&pattern, id.clone(), ListenerOptions::new(), listener)
                .expect("the ID is new");
        };
        subscribe("*");
        let topics: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let fits = || {
            let before = registry.current.get();
            for topic in &topics {
                // Twice, as a topic is cached at its second emit.
                for _ in 0..2 {
                    let mut visited = 0;
                    registry.visit(topic, &mut CountVisitor(&mut visited));
                    assert_eq!(visited, 1);
                }
            }
            Arc::ptr_eq(&before, &registry.current.get())
        };
        assert!(!fits(), "200 topics do not fit into 64 places");
        assert!((0..100).any(|_| fits()), "the cache never stops growing");
        subscribe("another");
        assert!(fits(), "a subscription must not shrink the cache");
    }
}
