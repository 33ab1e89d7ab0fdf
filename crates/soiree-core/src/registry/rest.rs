//! The listeners that an emission has yet to call.

use std::sync::Arc;

use super::entry::Entry;
use super::snapshot::Snapshot;

/// Those listeners of a topic that come after a certain one, in the state of the registry that their emission reads.
pub(crate) struct Rest {
    snapshot: Arc<Snapshot>,
    rank: u64,
}

impl Rest {
    pub(crate) fn after(snapshot: &Arc<Snapshot>, entry: &Entry) -> Self {
        Self {
            snapshot: Arc::clone(snapshot),
            rank: entry.rank,
        }
    }

    pub(crate) fn is_empty(&self, topic: &str) -> bool {
        let mut empty = true;
        self.visit(topic, |_, _| empty = false);
        empty
    }

    /// Calls `visit` with them, in calling order.
    pub(crate) fn visit(&self, topic: &str, mut visit: impl FnMut(&Arc<Entry>, &Arc<Snapshot>)) {
        self.snapshot.visit(topic, &mut |entry| {
            if entry.rank > self.rank {
                visit(entry, &self.snapshot);
            }
        });
    }
}
