//! Where work goes whose bulkhead was removed.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use soiree_core::Pool;

use super::pool_ref::PoolRef;
use super::shared::EmissionSettings;
use crate::routing::Bulkheads;

/// The pool that work in flight was rerouted to. The work holds it to its end.
pub(super) struct Destination(pub(super) Arc<PoolRef>);

/// The pools that work in flight of one emitter was rerouted to. They need not be in the settings that the work started with, nor in
/// those that apply now, and a close waits for them all the same.
#[derive(Default)]
pub(crate) struct Destinations(Mutex<Vec<Weak<Destination>>>);

impl Destinations {
    pub(super) fn add(&self, pool_ref: &Arc<PoolRef>) -> Arc<Destination> {
        let destination = Arc::new(Destination(Arc::clone(pool_ref)));
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|other| other.strong_count() > 0);
        list.push(Arc::downgrade(&destination));
        destination
    }

    /// Whether the calling thread works for one of the pools.
    pub(crate) fn is_here(&self) -> bool {
        // Copied, because `is_here` of a pool is user code.
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let list = list.clone();
        let mut destinations = list.iter().filter_map(Weak::upgrade);
        destinations.any(|destination| destination.0.is_here())
    }
}

impl EmissionSettings {
    /// Where work for a topic goes that a pool did not take because its bulkhead was removed.
    pub(super) fn reroute(
        &self,
        topic: &str,
        from: &PoolRef,
    ) -> Option<(Arc<PoolRef>, Arc<dyn Pool>)> {
        let routes = self.routes.iter();
        let matching = routes.filter(|(pattern, _)| pattern.matches(topic));
        let names = matching.map(|(_, name)| &**name);
        let pools = names
            .chain(std::iter::once(Bulkheads::DEFAULT))
            .filter_map(|name| self.pools.get(name));
        let mut open = pools.filter(|pool| !pool.is_removed() && pool.address() != from.address());
        open.find_map(|pool_ref| Some((Arc::clone(pool_ref), pool_ref.upgrade()?)))
    }
}
