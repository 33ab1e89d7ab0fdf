//! The turn of an emission on the emitting thread, in the queue of its key.

use std::sync::{Arc, OnceLock, PoisonError};

use super::entry::{ActiveOrder, OrderedEntry, submit_head};
use super::slot::KeySlot;
use crate::context::inside_frame;
use crate::emission::helping::Waiter;
use crate::emission::in_flight::InFlight;
use crate::ordering::{Position, QueueEntry, QueueFull, WaitLimit};
use soiree_core::OrderingKey;
use soiree_core::sync::{Condvar, Mutex};

/// The emission is the head of its key. Dropping the guard lets the next one start.
pub(crate) struct KeyTurnGuard(Arc<SyncEntry>);

/// An emission on the emitting thread, in the queue of its key.
struct SyncEntry {
    order: Arc<ActiveOrder>,
    key: OrderingKey,
    is_head: Mutex<bool>,
    became_head: Condvar,
    /// What the emission continues as once a listener was delegated.
    emission: OnceLock<Arc<dyn InFlight>>,
}

impl KeyTurnGuard {
    /// Waits until the emission is the head of its key. With a capacity of 0 and `WaitLimit::None`, returns at once.
    pub(crate) fn wait(
        order: &Arc<ActiveOrder>,
        key: OrderingKey,
        capacity: usize,
        limit: impl FnOnce() -> WaitLimit,
    ) -> Result<Self, QueueFull> {
        let sync = Arc::new(SyncEntry {
            order: Arc::clone(order),
            key,
            is_head: Mutex::new(false),
            became_head: Condvar::new(),
            emission: OnceLock::new(),
        });
        let entry = Arc::clone(&sync) as Arc<dyn OrderedEntry>;
        let queues = &order.queues;
        if let Position::Waiting = queues.enter(&sync.key, &entry, capacity, limit)? {
            let is_head = sync.is_head.lock();
            let mut is_head = is_head.unwrap_or_else(PoisonError::into_inner);
            while !*is_head {
                let woken = sync.became_head.wait(is_head);
                is_head = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(Self(sync))
    }

    /// Stands for the emission in a [`Frame`](crate::context::Frame).
    pub(crate) fn address(&self) -> usize {
        self.0.address()
    }

    /// The emission continues as this one, whose parts other threads may run.
    pub(crate) fn continue_as(&self, emission: &Arc<dyn InFlight>) {
        let slot = KeySlot::held_by_guard(&self.0.order, self.0.key.clone());
        emission.state().set_slot(slot);
        let _ = self.0.emission.set(Arc::clone(emission));
    }
}

impl Drop for KeyTurnGuard {
    fn drop(&mut self) {
        submit_head(self.0.order.queues.leave(&self.0.key), || None);
    }
}

impl SyncEntry {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl QueueEntry for SyncEntry {
    /// Nothing to do: a thread that waits for it cannot help before it is the head.
    fn notify(&self) {}
}

impl OrderedEntry for SyncEntry {
    fn submit(self: Arc<Self>) {
        *self.is_head.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.became_head.notify_all();
    }

    /// Its thread waits for its turn.
    fn can_be_discarded(&self) -> bool {
        false
    }

    fn discard(self: Arc<Self>) {
        self.submit();
    }

    fn help(self: Arc<Self>, waiter: &mut Waiter) -> bool {
        let emission = self.emission.get();
        emission.is_some_and(|emission| emission.state().help_pending(waiter).0)
    }

    fn is_current(&self) -> bool {
        let entry = self.address();
        let emission = self.emission.get();
        inside_frame(|frame| frame.emission == entry)
            || emission.is_some_and(|emission| emission.state().is_current())
    }
}
