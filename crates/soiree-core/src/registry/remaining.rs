//! The listeners that an emission has not called yet.

use std::sync::Arc;

use super::registration::Registration;
use super::snapshot::{Snapshot, Visitor};

/// The listeners of an emission that come after one of them, in the snapshot that the emission reads.
///
/// An emission that moves to another thread goes on with these.
pub struct RemainingListeners {
    snapshot: Arc<Snapshot>,
    rank: u64,
}

impl RemainingListeners {
    /// The listeners that come after `entry` in calling order.
    pub fn after(snapshot: &Arc<Snapshot>, entry: &Registration) -> Self {
        Self {
            snapshot: Arc::clone(snapshot),
            rank: entry.rank,
        }
    }

    /// Whether no listener of the topic remains.
    pub fn is_empty(&self, topic: &str) -> bool {
        let mut empty = true;
        self.for_each(topic, |_| empty = false);
        empty
    }

    /// Passes the remaining listeners of the topic to the visitor, in calling order.
    pub fn visit(&self, topic: &str, visitor: &mut impl Visitor) {
        self.snapshot.visit(
            topic,
            self.snapshot.find(self.snapshot.hash(topic), topic),
            &mut AfterRank {
                rank: self.rank,
                visitor,
            },
        );
    }

    /// Calls `found` with each remaining listener of the topic, in calling order. Does not count the topic as emitted.
    pub fn for_each(&self, topic: &str, mut found: impl FnMut(&Arc<Registration>)) {
        self.snapshot.for_each_matching(topic, |registration| {
            if registration.rank > self.rank {
                found(registration);
            }
        });
    }
}

/// Passes on the listeners above a rank.
struct AfterRank<'a, V> {
    rank: u64,
    visitor: &'a mut V,
}

impl<V: Visitor> Visitor for AfterRank<'_, V> {
    fn visit<'e>(
        &mut self,
        registrations: impl Iterator<Item = &'e Arc<Registration>>,
        snapshot: &Arc<Snapshot>,
    ) {
        let after = registrations.filter(|registration| registration.rank > self.rank);
        self.visitor.visit(after, snapshot);
    }
}
