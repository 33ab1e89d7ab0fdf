//! Counting the calls of listeners that wait: for a place in the listener's own pool, or for their turn.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use soiree_core::sync::{AtomicBool, AtomicUsize, Mutex};

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

/// Whether a call waits.
pub(super) struct MaybeWaiting {
    /// It has waited. Few calls ever do, and the others take no lock.
    has_waited: AtomicBool,
    call: Mutex<Option<WaitingCall>>,
}

impl MaybeWaiting {
    pub(super) fn new(call: Option<WaitingCall>) -> Self {
        Self {
            has_waited: AtomicBool::new(call.is_some()),
            call: Mutex::new(call),
        }
    }

    fn replace(&self, call: Option<WaitingCall>) {
        let mut current = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        *current = call;
    }

    /// To be called before other threads may claim the call.
    pub(super) fn set(&self, call: Option<WaitingCall>) {
        self.has_waited.store(true, Ordering::Release);
        self.replace(call);
    }

    /// The call waits no longer. To be called by the thread that has claimed it.
    pub(super) fn end(&self) {
        if self.has_waited.load(Ordering::Acquire) {
            self.replace(None);
        }
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
