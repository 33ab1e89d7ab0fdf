//! An emission's place in the queue of its key.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::entry::{ActiveOrder, OrderQueues, OrderedEntry, submit_head};
use crate::ordering::HashedKey;
use soiree_core::sync::{AtomicBool, AtomicUsize};

/// An emission's place in the queue of its key.
pub(crate) struct KeySlot {
    /// Not the order itself: a payload that is kept keeps its emission, which must not keep the key function.
    queues: Arc<OrderQueues>,
    lets_retries_be_overtaken: bool,
    key: HashedKey,
    /// Whether the emission has left the queue, or never entered it.
    left: AtomicBool,
    /// Calls still to be made: one for each listener on another pool, and one for all those that are called one after another.
    uncalled: AtomicUsize,
}

impl KeySlot {
    pub(crate) fn new(order: &Arc<ActiveOrder>, key: HashedKey) -> Self {
        Self {
            queues: Arc::clone(&order.queues),
            lets_retries_be_overtaken: order.rule.order.lets_retries_be_overtaken(),
            key,
            left: AtomicBool::new(false),
            uncalled: AtomicUsize::new(1),
        }
    }

    /// The slot of an emission whose place is held by a [`KeyTurnGuard`](super::KeyTurnGuard).
    pub(super) fn held_by_guard(order: &Arc<ActiveOrder>, key: HashedKey) -> Self {
        let slot = Self::new(order, key);
        slot.set_left();
        slot
    }

    pub(super) fn queues(&self) -> &OrderQueues {
        &self.queues
    }

    pub(crate) fn key(&self) -> &HashedKey {
        &self.key
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// The emission did not get into the queue, and has nothing to leave.
    pub(crate) fn set_left(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// The emission is about to enter the queue again.
    pub(crate) fn set_entering(&self) {
        self.left.store(false, Ordering::Release);
    }

    /// Leaves the queue, because the pool of the emission has no place for it. The next head goes on.
    pub(crate) fn step_back(&self) {
        submit_head(self.leave(), || None);
    }

    /// Notifies the emissions behind it that watch it.
    pub(in crate::emission) fn notify_watchers(&self) {
        self.queues.notify_watchers(&self.key);
    }

    /// Leaves the queue. Returns the next head.
    pub(in crate::emission) fn leave(&self) -> Option<Arc<dyn OrderedEntry>> {
        if self.left.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.queues.leave(&self.key)
    }

    /// One more listener is to be called on another pool.
    pub(in crate::emission) fn add_call(&self) {
        self.uncalled.fetch_add(1, Ordering::AcqRel);
    }

    /// One call was made: of a listener on another pool, or of all those that are called one after another.
    pub(in crate::emission) fn call_made(&self) {
        let is_last = self.uncalled.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && self.lets_retries_be_overtaken {
            submit_head(self.leave(), || None);
        }
    }
}
