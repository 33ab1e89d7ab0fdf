//! Counting the calls of listeners that wait: for a place in the listener's own pool, or for their turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::sync::AtomicUsize;

/// How many calls wait.
#[derive(Default)]
pub(crate) struct WaitingCalls(Arc<AtomicUsize>);

/// One call that waits, until this is dropped.
pub(super) struct WaitingCall(Arc<AtomicUsize>);

impl WaitingCalls {
    pub(crate) fn len(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Counts one more call, if there may be one more.
    pub(super) fn try_add(&self, capacity: usize) -> Option<WaitingCall> {
        let free = |waiting| (waiting < capacity).then(|| waiting + 1);
        let added = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, free);
        added.ok().map(|_| WaitingCall(Arc::clone(&self.0)))
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
