//! The turn of an emission on the emitting thread, in the queue of its key.

use std::cell::Cell;
use std::sync::{Arc, OnceLock, PoisonError};

use super::entry::{ActiveOrder, OrderedEntry, submit_head};
use super::slot::KeySlot;
use crate::context::inside_frame;
use crate::emission::helping::Waiter;
use crate::emission::in_flight::InFlight;
use crate::ordering::{HashedKey, Position, QueueEntry, QueueFull, WaitLimit};
use soiree_core::OrderingKey;
use soiree_core::sync::{Condvar, Mutex, thread_local};

/// The emission is the head of its key. Dropping the guard lets the next one start.
pub(crate) struct KeyTurnGuard<'a>(KeyTurn<'a>);

/// The turn of an emission on the emitting thread, which has still to come.
pub(crate) struct KeyTurn<'a> {
    order: &'a Arc<ActiveOrder>,
    key: HashedKey,
    entry: Arc<SyncEntry>,
}

thread_local! {
    /// An allocation for each emission would cost as much as taking the lock of its queue twice.
    static SPARE: Cell<Option<Arc<SyncEntry>>> = const { Cell::new(None) };
}

/// An emission on the emitting thread, in the queue of its key.
#[derive(Default)]
struct SyncEntry {
    is_head: Mutex<bool>,
    became_head: Condvar,
    /// What the emission continues as once a listener was delegated.
    emission: OnceLock<Arc<dyn InFlight>>,
}

impl<'a> KeyTurn<'a> {
    pub(crate) fn new(order: &'a Arc<ActiveOrder>, key: OrderingKey) -> Self {
        Self {
            order,
            key: order.queues.hashed(key),
            entry: SyncEntry::new(),
        }
    }

    /// The turn, if it comes at once.
    ///
    /// # Errors
    /// Itself, if the key is busy.
    pub(crate) fn start(self) -> Result<KeyTurnGuard<'a>, Self> {
        let entry = || Arc::clone(&self.entry) as Arc<dyn OrderedEntry>;
        match self.order.queues.try_enter(&self.key, entry, 0, None) {
            Some(_) => Ok(KeyTurnGuard(self)),
            None => Err(self),
        }
    }

    /// Waits until the emission is the head of its key.
    pub(crate) fn wait(
        self,
        capacity: usize,
        limit: impl FnOnce() -> WaitLimit,
    ) -> Result<KeyTurnGuard<'a>, QueueFull> {
        let entry = Arc::clone(&self.entry) as Arc<dyn OrderedEntry>;
        let queues = &self.order.queues;
        if let Position::Waiting = queues.enter(&self.key, &entry, capacity, limit)? {
            let is_head = self.entry.is_head.lock();
            let mut is_head = is_head.unwrap_or_else(PoisonError::into_inner);
            while !*is_head {
                let woken = self.entry.became_head.wait(is_head);
                is_head = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(KeyTurnGuard(self))
    }
}

impl KeyTurnGuard<'_> {
    /// Stands for the emission in a [`Frame`](crate::context::Frame).
    pub(crate) fn address(&self) -> usize {
        self.0.entry.address()
    }

    /// The emission continues as this one, whose parts other threads may run.
    pub(crate) fn continue_as(&self, emission: &Arc<dyn InFlight>) {
        let KeyTurn { order, key, entry } = &self.0;
        let slot = KeySlot::held_by_guard(order, key.clone());
        emission.state().set_slot(slot);
        let _ = entry.emission.set(Arc::clone(emission));
        // The entry must not keep the emission for longer than the guard does.
        let _ = SPARE.try_with(Cell::take);
    }
}

impl Drop for KeyTurnGuard<'_> {
    fn drop(&mut self) {
        submit_head(self.0.order.queues.leave(&self.0.key), || None);
    }
}

impl SyncEntry {
    /// The entry that this thread used last, unless another one still looks at it.
    fn new() -> Arc<Self> {
        let reused = SPARE.try_with(|spare| {
            let mut entry = spare.take().unwrap_or_default();
            match Arc::get_mut(&mut entry) {
                Some(unused) => unused.reset(),
                None => entry = Arc::default(),
            }
            spare.set(Some(Arc::clone(&entry)));
            entry
        });
        // While a thread ends, its locals are gone.
        reused.unwrap_or_default()
    }

    fn reset(&mut self) {
        let is_head = self.is_head.get_mut();
        *is_head.unwrap_or_else(PoisonError::into_inner) = false;
    }

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
