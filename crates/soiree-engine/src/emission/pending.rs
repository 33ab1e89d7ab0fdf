//! The work of an emission that has not ended, and that a waiting thread may help with.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::sync::MutexGuard;

use super::helping::{Before, PendingWork, Waiter};
use super::state::{EmissionState, Shared};

impl EmissionState {
    /// Adds a part, which ends apart from the others.
    pub(super) fn add_part(&self, work: Arc<dyn PendingWork>) {
        self.parts.fetch_add(1, Ordering::AcqRel);
        let mut shared = self.shared();
        shared.pending.push(work);
        self.notify_unlocking(shared);
        self.notify_behind();
    }

    /// Lists work that a waiting thread may help with.
    pub(super) fn add_pending(&self, work: Arc<dyn PendingWork>) {
        self.shared().pending.push(work);
    }

    /// Removes work from the list.
    pub(super) fn remove_pending<W: ?Sized>(&self, work: &Arc<W>) {
        let work = Arc::as_ptr(work).cast::<()>();
        let mut shared = self.shared();
        let is_same = |other: &Arc<dyn PendingWork>| Arc::as_ptr(other).cast::<()>() == work;
        let removed = shared.pending.iter().position(is_same);
        let removed = removed.map(|at| shared.pending.swap_remove(at));
        drop(shared);
        drop(removed);
    }

    /// Runs on this thread the pending work that could be waiting for this thread. Returns whether there was any, and the version that
    /// was looked at.
    pub(super) fn help_pending(&self, waiter: &mut Waiter) -> (bool, usize) {
        let Some(shared) = self.shared_if_used() else {
            return (false, 0);
        };
        let (pending, seen) = (shared.pending.clone(), shared.version);
        drop(shared);
        let mut helped = false;
        for work in pending {
            match work.before() {
                Before::Nothing => {}
                Before::ThisThread => waiter.set_useless(),
                Before::Calls(before) => {
                    for work in before {
                        helped |= help(work, waiter);
                    }
                }
            }
            helped |= help(work, waiter);
        }
        (helped, seen)
    }

    /// Whether a waiting thread may run an async listener depends on what waits in the listener's pool, which has just changed.
    pub(super) fn async_listener_submitted(&self) {
        self.notify_pending();
    }

    /// Wakes threads that wait for it, or for an emission behind it: one of them may be the one to run pending work.
    pub(super) fn notify_pending(&self) {
        self.notify();
        self.notify_behind();
    }

    fn notify_behind(&self) {
        if let Some(slot) = self.slot() {
            slot.notify_watchers();
        }
    }

    pub(super) fn notify(&self) {
        self.notify_unlocking(self.shared());
    }

    fn notify_unlocking(&self, mut shared: MutexGuard<'_, Shared>) {
        shared.version += 1;
        let waker = shared.waker.take();
        self.wake_waiting();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Runs work on this thread if it could be waiting for this thread. Returns whether it was.
fn help(work: Arc<dyn PendingWork>, waiter: &mut Waiter) -> bool {
    if work.is_runnable_here() {
        work.run_here();
        return true;
    }
    if work.is_future_here() {
        return waiter.help_future(work);
    }
    if waiter.is_blocking() && work.needs_this_thread() {
        waiter.set_useless();
    }
    false
}
