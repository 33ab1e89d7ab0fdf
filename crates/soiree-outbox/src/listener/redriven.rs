//! Dead events that are to be tried again: a redrive changes the store alone.

use std::collections::HashMap;

use soiree_core::store::{Parked, ParkedState, Position, StoreError};

use super::recover::PAGE;
use super::{DurableListener, Surroundings};
use crate::tail::LogEntry;

impl DurableListener {
    /// Dead events after this position may have been redriven.
    pub(crate) fn look_for_redriven(&mut self, after: Position) {
        let sooner = self.redriven_after.map_or(after, |from| from.min(after));
        self.redriven_after = Some(sooner);
    }

    /// Takes those over that were redriven, as far as there is room for parked ones, after those of before the claim. The store parks none as to be retried that the window
    /// does not have, unless it was redriven: an event is marked as running before it runs.
    pub(super) fn take_redriven(&mut self, around: &Surroundings<'_>) -> Result<(), StoreError> {
        self.restore_more(around)?;
        if self.window.unrestored().is_some() {
            return Ok(());
        }
        while let Some(after) = self.redriven_after {
            let limit = PAGE.min(self.window.places_to_park());
            if limit == 0 {
                return Ok(());
            }
            let name = &self.subscribed.name;
            let retry = Some(ParkedState::Retry);
            let mut page = around.store.parked(name, retry, after, limit)?;
            self.add_keys(&mut page, around)?;
            self.redriven_after = page.last().map(|last| last.position);
            for parked in page {
                self.window.redriven(parked);
            }
        }
        Ok(())
    }

    /// An event that could not be read when it died has no key there. It may be readable now, and its order counts again.
    pub(super) fn add_keys(
        &self,
        page: &mut [Parked],
        around: &Surroundings<'_>,
    ) -> Result<(), StoreError> {
        if self.subscribed.order.is_none() {
            return Ok(());
        }
        let without = page
            .iter()
            .filter(|parked| parked.key.is_none() && parked.state != ParkedState::Dead);
        let without: Vec<Position> = without.map(|parked| parked.position).collect();
        if without.is_empty() {
            return Ok(());
        }
        let mut records = Vec::new();
        around.store.fetch(&without, &mut records)?;
        let mut keys: HashMap<Position, _> = records
            .into_iter()
            .filter_map(|record| {
                let entry = LogEntry::new(record);
                let (_, key) = self.read(&entry, around.codecs).ok()?;
                Some((entry.position(), key))
            })
            .collect();
        for parked in page {
            if let Some(key) = keys.remove(&parked.position) {
                parked.key = key;
            }
        }
        Ok(())
    }
}
