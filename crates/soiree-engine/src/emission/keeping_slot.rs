//! Keeping the slot of an emission that is ordered by key.

use once_cell::sync::OnceCell;

use super::ordered::KeySlot;
use super::state::{Cold, EmissionState};

impl EmissionState {
    #[inline]
    pub(crate) fn slot(&self) -> Option<&KeySlot> {
        self.cold.get()?.slot.get()
    }

    pub(crate) fn set_slot(&self, slot: KeySlot) {
        let mut slot = Some(slot);
        let cold = self.cold.get_or_init(|| {
            let mut cold = Box::<Cold>::default();
            cold.slot = slot.take().map_or_else(OnceCell::new, OnceCell::with_value);
            cold
        });
        if let Some(slot) = slot {
            let _ = cold.slot.set(slot);
        }
    }

    /// It did not get into the queue of its key.
    pub(crate) fn give_up_slot(&self) {
        if let Some(slot) = self.slot() {
            slot.set_left();
        }
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.slot().is_some()
    }
}
