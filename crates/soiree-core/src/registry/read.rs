//! Reading the current snapshot.

use std::sync::{Arc, TryLockError};

use super::registration::Registration;
use super::snapshot::{Hash, Lookup, Snapshot, Visitor};
use super::subscriptions::Registry;
use crate::listener::ListenerId;
use crate::panic::contained;
use crate::topic::Pattern;

impl Registry {
    /// To be found before a snapshot is loaded, which the processor waits for.
    #[inline]
    pub fn hash(&self, topic: &str) -> Hash {
        Hash::of(topic, &self.hasher)
    }

    /// The snapshot of this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A snapshot without listeners.
    pub fn empty(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot::empty(self.hasher.clone()))
    }

    /// How many listeners exactly this pattern has.
    pub fn listeners_of(&self, pattern: &Pattern) -> usize {
        self.current
            .load()
            .group(pattern)
            .map_or(0, |group| group.iter().count())
    }

    /// The listeners that an emission on this topic would call now, in that order.
    pub fn matching(&self, topic: &str) -> Vec<ListenerId> {
        let mut ids = Vec::new();
        self.look(topic, |entry| ids.push(entry.id.clone()));
        ids
    }

    /// Calls `found` with the entries that match a topic, in calling order, as they are at this moment. The topic need not be a
    /// sound one, and does not count as emitted.
    pub(super) fn look(&self, topic: &str, found: impl FnMut(&Arc<Registration>)) {
        let snapshot = self.current.load();
        snapshot.look(topic, found);
        contained(move || drop(snapshot));
    }

    /// Has the entries visited that match a topic, in calling order, as they are at this moment.
    pub fn visit(&self, topic: &str, visitor: &mut impl Visitor) {
        let hash = self.hash(topic);
        let snapshot = self.current.load();
        self.visit_in(&snapshot, snapshot.find(hash, topic), topic, visitor);
        // This may be the last reader of a snapshot whose listeners were taken off meanwhile.
        contained(move || drop(snapshot));
    }

    /// Has the entries visited that match a topic, in calling order, as they were when this snapshot was taken.
    pub fn visit_in(
        &self,
        snapshot: &Arc<Snapshot>,
        found: Lookup<'_>,
        topic: &str,
        visitor: &mut impl Visitor,
    ) {
        if snapshot.visit(topic, found, visitor) {
            self.renew_table(snapshot);
        }
    }

    fn renew_table(&self, saturated: &Arc<Snapshot>) {
        let hook = self.hook();
        let control = match self.control.try_lock() {
            Ok(control) => control,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Who holds the lock is about to publish a snapshot with an empty table.
            Err(TryLockError::WouldBlock) => return,
        };
        let current = self.current.load();
        let is_current = Arc::ptr_eq(&current, saturated);
        let retired = is_current.then(|| self.publish(current.with_fresh_table(), hook.clone()));
        drop(current);
        drop(control);
        if let Some(retired) = retired {
            retired.retire();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::Count;
    use super::*;
    use crate::options::ListenerOptions;

    /// T2: topics that find no place in the table of known topics get a new one, and once that is large enough no more.
    #[test]
    fn a_crowded_table_is_renewed_until_it_is_large_enough() {
        let registry = Registry::new();
        let pattern = Pattern::new("*").expect("the pattern is sound");
        let id = ListenerId::new("one");
        let subscribe = |pattern: &Pattern| {
            let listener = Arc::new(|_: &dyn crate::Event| ());
            registry
                .add(pattern, id.clone(), ListenerOptions::new(), listener)
                .expect("the ID is new");
        };
        subscribe(&pattern);
        let topics: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let visit_all = || {
            let before = registry.current.load_full();
            for topic in &topics {
                // Twice, so that it is worth remembering.
                for _ in 0..2 {
                    let mut heard = 0;
                    registry.visit(topic, &mut Count(&mut heard));
                    assert_eq!(heard, 1);
                }
            }
            Arc::ptr_eq(&before, &registry.current.load_full())
        };
        assert!(!visit_all(), "200 topics crowd 64 places");
        assert!((0..100).any(|_| visit_all()), "it grows beyond need");
        subscribe(&Pattern::new("another").expect("the pattern is sound"));
        assert!(visit_all(), "a subscription makes it small again");
    }
}
