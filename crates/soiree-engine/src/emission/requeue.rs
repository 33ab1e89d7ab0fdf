//! Submitting accepted work: where it goes, and how it waits.

use std::sync::Arc;

use soiree_core::registry::Registration;

use super::accepted::{AcceptedWork, offer};
use super::pool_ref::PoolRef;
use super::state::EmissionState;

/// Lets accepted work run on its pool, when it gets a place there. Does not block.
///
/// If the bulkhead was removed, the work goes where its topic or its listener goes now. A pool that is full or cannot start a thread
/// makes it wait. Only a pool that is stopped or released ends it.
pub(super) fn requeue(state: &EmissionState, work: Arc<dyn AcceptedWork>) {
    let backlog = &state.settings.shared.backlog;
    // Work that the pool did not take earlier comes first.
    let waits = if backlog.has_work_for(&work.pool_ref()) {
        Some(work)
    } else {
        offer(work, |pool, job| pool.requeue(job))
    };
    if let Some(work) = waits {
        wait_for_pool(state, work);
    }
}

/// Lets accepted work wait that its pool has not taken.
pub(super) fn wait_for_pool(state: &EmissionState, work: Arc<dyn AcceptedWork>) {
    let settings = &state.settings;
    settings.shared.backlog.add(work, settings.timer.as_ref());
}

/// As [`requeue`], for an attempt of a listener. If it is async, threads that wait for the emission look again whether to help.
pub(super) fn requeue_attempt(
    state: &EmissionState,
    registration: &Registration,
    work: Arc<dyn AcceptedWork>,
) {
    requeue(state, work);
    if registration.is_async() {
        state.async_listener_submitted();
    }
}

/// Where accepted work goes now whose pool is closed: to the listener's own pool if there is one, or where its topic goes.
pub(super) fn next_pool(
    state: &EmissionState,
    registration: Option<&Registration>,
    from: &Arc<PoolRef>,
) -> Option<Arc<PoolRef>> {
    let pools = state.settings.shared.pools.now();
    let own = registration.and_then(|registration| pools.get(registration.pool()?));
    let next = own.unwrap_or_else(|| pools.for_topic(state.topic()));
    if Arc::ptr_eq(next, from) {
        return None;
    }
    let is_async = registration.is_some_and(|registration| registration.is_async());
    let suits = !is_async || next.upgrade().is_some_and(|pool| pool.polls_futures());
    suits.then(|| Arc::clone(next))
}
