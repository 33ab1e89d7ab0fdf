//! The listeners that an emission has yet to call.

use std::sync::Arc;

use super::registration::Registration;
use super::snapshot::{Snapshot, Visitor};

/// Those listeners of a topic that come after a certain one, in the state of the registry that their emission reads.
pub struct RemainingListeners {
    snapshot: Arc<Snapshot>,
    rank: u64,
}

impl RemainingListeners {
    /// Those after this one.
    pub fn after(snapshot: &Arc<Snapshot>, entry: &Registration) -> Self {
        Self {
            snapshot: Arc::clone(snapshot),
            rank: entry.rank,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self, topic: &str) -> bool {
        let mut empty = true;
        self.snapshot
            .look(topic, |entry| empty &= entry.rank <= self.rank);
        empty
    }

    /// Has them visited, in calling order.
    pub fn visit(&self, topic: &str, visitor: &mut impl Visitor) {
        self.snapshot.visit(
            topic,
            self.snapshot.find(self.snapshot.hash(topic), topic),
            &mut After {
                rank: self.rank,
                visitor,
            },
        );
    }

    /// Calls `found` with them, in calling order.
    pub fn look(&self, topic: &str, mut found: impl FnMut(&Arc<Registration>)) {
        self.snapshot.look(topic, |entry| {
            if entry.rank > self.rank {
                found(entry);
            }
        });
    }
}

/// Leaves out those up to a rank.
struct After<'a, V> {
    rank: u64,
    visitor: &'a mut V,
}

impl<V: Visitor> Visitor for After<'_, V> {
    fn visit<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e Arc<Registration>>,
        snapshot: &Arc<Snapshot>,
    ) {
        let after = entries.filter(|entry| entry.rank > self.rank);
        self.visitor.visit(after, snapshot);
    }
}
