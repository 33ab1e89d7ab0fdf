//! What emissions have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::link::Link;
use super::stalled::Stalled;
use crate::gate::TaskTracker;
use crate::settings::Handlers;
use soiree_core::registry::Registration;
use soiree_core::{Pattern, Registry, Timer};

/// What all emissions of one `EventPool` share.
pub(crate) struct Hub {
    pub(crate) registry: Registry,
    pub(crate) gate: TaskTracker,
    /// A close gave up waiting; the last emission clears the listeners in its place.
    pub(crate) clear_late: AtomicBool,
    /// Listeners that wait for their next attempts.
    pub(crate) retries: AtomicUsize,
    pub(crate) stalled: Stalled,
}

impl Hub {
    pub(crate) fn leave(&self) {
        self.gate.leave();
        self.clear_if_late();
    }

    pub(crate) fn clear_if_late(&self) {
        if self.clear_late.load(Ordering::SeqCst) && self.gate.inside() == 0 {
            self.registry.close();
        }
    }
}

/// The settings an emission was begun with.
pub(crate) struct Setup {
    pub(crate) hub: Arc<Hub>,
    pub(crate) handlers: Handlers,
    pub(crate) error_buffer: usize,
    /// The pool that runs it.
    pub(crate) pool: Arc<Link>,
    pub(crate) timer: Option<Arc<dyn Timer>>,
    pub(crate) retry_capacity: usize,
    /// Every pool by name, for listeners that have one of their own.
    pub(crate) pools: Arc<BTreeMap<Arc<str>, Arc<Link>>>,
    /// Which topics go to which of them, the most specific first.
    pub(crate) routes: Arc<[(Pattern, Arc<str>)]>,
}

impl Setup {
    /// The pool that a listener has of its own, if there is such a pool.
    pub(super) fn own_pool(&self, entry: &Registration) -> Option<&Arc<Link>> {
        self.pools.get(entry.pool()?)
    }

    /// Whether the calling thread works for a pool of the emitter that is not the emission's.
    pub(crate) fn is_on_another_pool(&self) -> bool {
        let pool = self.pool.address();
        let mut others = self.pools.values().filter(|link| link.address() != pool);
        others.any(|link| link.is_here())
    }
}
