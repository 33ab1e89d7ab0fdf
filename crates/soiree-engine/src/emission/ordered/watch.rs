//! Waiting on a worker for an emission behind others of its key.

use std::sync::Arc;

use crate::emission::in_flight::InFlight;

/// While a worker waits for an emission, changes in the queue of its key notify the emission. Dropping this ends the wait.
#[derive(Default)]
pub(crate) struct KeyWatch(Option<Arc<dyn InFlight>>);

impl KeyWatch {
    pub(super) fn has_started(&self) -> bool {
        self.0.is_some()
    }

    /// The emission was added to the watchers of its queue.
    pub(super) fn started(&mut self, emission: &Arc<dyn InFlight>) {
        self.0 = Some(Arc::clone(emission));
    }
}

impl Drop for KeyWatch {
    fn drop(&mut self) {
        let Some(emission) = self.0.take() else {
            return;
        };
        if let Some(slot) = emission.state().slot() {
            let entry = Arc::clone(&emission).into_entry();
            slot.queues().unwatch(slot.key(), &entry);
        }
    }
}
