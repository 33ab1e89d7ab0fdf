//! Dead events that are to be tried again: a redrive changes the store alone.

use soiree_core::store::{ParkedState, Position, Store, StoreError};

use super::DurableListener;

/// How many parked events are read at once.
const PAGE: usize = 500;

impl DurableListener {
    /// Dead events after this position may have been redriven.
    pub(crate) fn look_for_redriven(&mut self, after: Position) {
        let sooner = self.redriven_after.map_or(after, |from| from.min(after));
        self.redriven_after = Some(sooner);
    }

    /// Takes those over that were redriven, as far as there is room for parked ones. The store parks none as to be retried that the window
    /// does not have, unless it was redriven: an event is marked as running before it runs.
    pub(super) fn take_redriven(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        while let Some(after) = self.redriven_after {
            if !self.window.has_room_to_park() {
                return Ok(());
            }
            let name = &self.subscribed.name;
            let page = store.parked(name, Some(ParkedState::Retry), after, PAGE)?;
            self.redriven_after = page.last().map(|last| last.position);
            for parked in page {
                self.window.redriven(parked);
            }
        }
        Ok(())
    }
}
