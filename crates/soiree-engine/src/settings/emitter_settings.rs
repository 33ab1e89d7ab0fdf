//! The settings of an emitter.

use std::fmt;
use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::{BulkheadError, Pool, PoolHandle, Timer};

use super::handlers::Handlers;
use crate::ordering::KeyOrders;
use crate::routing::Bulkheads;

/// The settings of emissions that start from now on.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Handlers of failures and unheard events, and observers.
    pub handlers: Handlers,
    /// How many errors a report keeps.
    pub error_buffer: usize,
    /// The default pool, which runs emissions.
    pub pool: PoolHandle,
    /// The pools that run emissions on some topics instead.
    pub bulkheads: Bulkheads,
    /// The events that are ordered by key.
    pub orders: KeyOrders,
    /// The timer of retries and timeouts. Without it there are none.
    pub timer: Option<Arc<dyn Timer>>,
    /// How many retries may wait at once. Beyond that, a listener that fails is not retried.
    pub retry_capacity: usize,
    /// How many calls of listeners may wait at once for a place in the listener's own pool, or for their turn. Beyond that, they are
    /// rejected.
    pub waiting_capacity: usize,
    /// A pattern with more listeners than this is reported once; see [`Observer::many_listeners`](soiree_core::Observer::many_listeners).
    /// Without an observer, to stderr. With 0, none is.
    pub many_listeners: usize,
    /// Allocates each payload apart from its emission. Otherwise a payload that is kept keeps the timers alive. Not needed for handlers
    /// and observers: with any of them, payloads are apart.
    pub payloads_apart: bool,
    /// There has been a listener that is ordered by key: emits look for places in its queues.
    pub(crate) has_ordered_listeners: bool,
}

impl Settings {
    /// No handlers, up to 64 errors in a report, no bulkheads, no orders, no timer, up to 1,024 retries that wait, and a report of
    /// patterns with more than 100 listeners.
    pub fn new(pool: impl Into<PoolHandle>) -> Self {
        Self {
            handlers: Handlers::default(),
            error_buffer: 64,
            pool: pool.into(),
            bulkheads: Bulkheads::default(),
            orders: KeyOrders::default(),
            timer: None,
            retry_capacity: 1024,
            waiting_capacity: 1024,
            many_listeners: 100,
            payloads_apart: false,
            has_ordered_listeners: false,
        }
    }

    /// The pool of this name, the default pool included.
    pub(crate) fn pool(&self, name: &str) -> Result<&Arc<dyn Pool>, BulkheadError> {
        if name == Bulkheads::DEFAULT {
            return Ok(self.pool.pool());
        }
        self.bulkheads.get(name).map(PoolHandle::pool)
    }
}

/// The other values of the user's are contained by their types.
impl Drop for Settings {
    fn drop(&mut self) {
        contained(|| drop(self.timer.take()));
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("handlers", &self.handlers)
            .field("error_buffer", &self.error_buffer)
            .field("pool", &self.pool)
            .field("bulkheads", &self.bulkheads)
            .field("orders", &self.orders)
            .field("timer", &self.timer.is_some())
            .field("retry_capacity", &self.retry_capacity)
            .field("waiting_capacity", &self.waiting_capacity)
            .field("many_listeners", &self.many_listeners)
            .field("payloads_apart", &self.payloads_apart)
            .finish()
    }
}
