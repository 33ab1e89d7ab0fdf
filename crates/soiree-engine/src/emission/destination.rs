//! The pools that work was rerouted to, for a close that must not wait for them on their own workers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::pool_ref::PoolRef;

/// The pool that work in flight was rerouted to. The work holds it to its end.
pub(super) struct Destination(pub(super) Arc<PoolRef>);

/// The pools that work in flight of one emitter was rerouted to. They need not be in the settings that the work started with, nor in
/// those that apply now, and a close waits for them all the same.
#[derive(Default)]
pub(crate) struct Destinations(Mutex<Vec<Weak<Destination>>>);

impl Destinations {
    fn list(&self) -> MutexGuard<'_, Vec<Weak<Destination>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, pool_ref: &Arc<PoolRef>) -> Arc<Destination> {
        let destination = Arc::new(Destination(Arc::clone(pool_ref)));
        let mut list = self.list();
        list.retain(|other| other.strong_count() > 0);
        list.push(Arc::downgrade(&destination));
        destination
    }

    /// Whether the calling thread works for one of the pools.
    pub(crate) fn is_here(&self) -> bool {
        // Copied in a statement of its own, which unlocks: `is_here` of a pool is user code.
        let copied = self.list().clone();
        let mut destinations = copied.iter().filter_map(Weak::upgrade);
        destinations.any(|destination| destination.0.is_here())
    }
}
