//! The retries of an emitter that wait to be due.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use soiree_core::panic::contained;
use soiree_core::sync::{Mutex, MutexGuard};

/// A retry that waits to be due.
pub(crate) trait WaitingRetry: Send + Sync {
    /// Whether it waits for its pool.
    fn is_due(&self) -> bool;

    /// The attempt before was the last one.
    fn give_up(self: Arc<Self>);

    /// Whether the program has unsubscribed the listener.
    fn is_unsubscribed(&self) -> bool;

    /// As [`give_up`](WaitingRetry::give_up), because the program has unsubscribed the listener.
    fn end_unsubscribed(self: Arc<Self>);
}

/// The retries that wait, by address. There are never more than the retry capacity.
#[derive(Default)]
pub(crate) struct WaitingRetries(Mutex<State>);

#[derive(Default)]
struct State {
    retries: HashMap<usize, Arc<dyn WaitingRetry>>,
    is_closed: bool,
}

impl WaitingRetries {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many retries wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().retries.len()
    }

    /// How many retries wait to be due.
    pub(crate) fn not_due(&self) -> usize {
        let state = self.lock();
        let retries = state.retries.values();
        retries.filter(|retry| !retry.is_due()).count()
    }

    /// Adds a retry. Returns `false` if as many as `capacity` wait, or none may wait any more.
    pub(super) fn add(&self, retry: Arc<dyn WaitingRetry>, capacity: usize) -> bool {
        let mut state = self.lock();
        if state.is_closed || state.retries.len() >= capacity {
            return false;
        }
        state.retries.insert(address(&retry), retry);
        true
    }

    /// Removes a retry that no longer waits.
    pub(super) fn remove<R: WaitingRetry>(&self, retry: &R) {
        let removed = self
            .lock()
            .retries
            .remove(&std::ptr::from_ref(retry).addr());
        // Not under the lock: it may be the last handle of the emission.
        drop(removed);
    }

    /// Ends the retries of listeners that the program has unsubscribed.
    pub(crate) fn end_unsubscribed(&self) {
        let waiting = self.lock();
        let unsubscribed = waiting.retries.values();
        let unsubscribed = unsubscribed.filter(|retry| retry.is_unsubscribed());
        let unsubscribed: Vec<_> = unsubscribed.cloned().collect();
        drop(waiting);
        for retry in unsubscribed {
            contained(|| retry.end_unsubscribed());
        }
    }

    /// Gives up all retries that wait, and those that are to wait later.
    pub(crate) fn give_up(&self) {
        let retries = {
            let mut state = self.lock();
            state.is_closed = true;
            std::mem::take(&mut state.retries)
        };
        // What one runs into must not keep the others waiting.
        for retry in retries.into_values() {
            contained(|| retry.give_up());
        }
    }
}

fn address(retry: &Arc<dyn WaitingRetry>) -> usize {
    Arc::as_ptr(retry).cast::<()>().addr()
}
