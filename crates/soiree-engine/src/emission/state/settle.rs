//! The end of an emission.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use soiree_core::EventId;
use soiree_core::panic::Contained;

use super::{ABANDONED, Cold, EmissionState, SETTLED, WAITED_FOR};
use crate::emission::ordered::{KeySlot, OrderedEntry, submit_head};

impl EmissionState {
    /// Its outcome is known, and everybody has been notified. `entry` is the emission, and `id` that of its event.
    pub(in crate::emission) fn settle(
        &self,
        id: impl FnOnce() -> Option<EventId>,
        entry: impl FnOnce() -> Arc<dyn OrderedEntry>,
    ) {
        if let Some(cold) = self.cold_if_used() {
            return self.settle_cold(cold, id, entry);
        }
        // In this order: a close must not return before the outcome is known, nor a wait before a close would.
        self.done.store(true, Ordering::Release);
        self.settings.shared.emission_ended(|| self.cut_off(id()));
        let before = self.stage.swap(SETTLED, Ordering::AcqRel);
        if before & WAITED_FOR != 0 {
            if let Some(waker) = self.notify_settled() {
                waker.wake();
            }
        }
        if before & ABANDONED != 0 {
            self.drop_errors();
        }
    }

    /// As [`settle`](Self::settle), if the rare state was used before its end.
    #[inline(never)]
    fn settle_cold(
        &self,
        cold: &Cold,
        id: impl FnOnce() -> Option<EventId>,
        entry: impl FnOnce() -> Arc<dyn OrderedEntry>,
    ) {
        if self.is_abandoned() {
            // Before a close returns: the program may end then.
            self.take_errors();
        }
        self.done.store(true, Ordering::Release);
        let slot = cold.slot.get();
        let next = slot.and_then(KeySlot::leave);
        self.settings.shared.emission_ended(|| self.cut_off(id()));
        let before = self.stage.swap(SETTLED, Ordering::AcqRel);
        let waker = (before & WAITED_FOR != 0).then(|| self.notify_settled());
        if slot.is_some() {
            submit_head(next, || Some(entry()));
        }
        // User code, which must not keep the next event of the key from being submitted.
        if let Some(waker) = waker.flatten() {
            waker.wake();
        }
        if before & ABANDONED != 0 {
            self.drop_errors();
        }
    }

    /// Wakes the threads that wait for a change. To be called with the shared part locked: they ask for that under the lock.
    pub(in crate::emission) fn wake_waiting(&self) {
        // With nobody to wake, it would still be a system call.
        if self.stage.load(Ordering::Acquire) & WAITED_FOR != 0 {
            self.cold().changed.notify_all();
        }
    }

    /// Wakes the threads that wait for it. Returns the waker of the task that does.
    #[inline(never)]
    fn notify_settled(&self) -> Option<Contained<Waker>> {
        let waker = self.shared().waker.take();
        self.cold().changed.notify_all();
        waker
    }
}
