//! Who a pool belongs to.

use std::fmt;
use std::sync::Arc;

use crate::pool::Pool;

/// A pool, and whether it is the holder's to release.
///
/// Made of a pool by value, it is released when the `EventPool` closes; made of an `Arc`, it is left running.
#[derive(Clone)]
pub struct PoolHandle {
    pool: Arc<dyn Pool>,
    owned: bool,
    blocks_workers: bool,
}

impl PoolHandle {
    fn new(pool: Arc<dyn Pool>, owned: bool) -> Self {
        Self {
            pool,
            owned,
            blocks_workers: false,
        }
    }

    /// When the pool is full and its policy is to wait, has workers of *other* pools of the same `EventPool` wait as well, when
    /// they emit to it. Without this they get a refusal, so that a slow pool never holds up another one.
    ///
    /// Two pools whose workers wait for each other's queue wait for ever: do this in one direction only.
    ///
    /// ```
    /// # use soiree_core::{Pool, PoolHandle};
    /// fn audit(pool: impl Pool + 'static) -> PoolHandle {
    ///     // Every audit event counts: whoever emits one waits for a place, workers for requests as well.
    ///     PoolHandle::from(pool).blocking_workers()
    /// }
    /// ```
    #[must_use]
    pub fn blocking_workers(mut self) -> Self {
        self.blocks_workers = true;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &Arc<dyn Pool> {
        &self.pool
    }

    /// Whether workers of other pools wait for a place in it.
    pub fn blocks_workers(&self) -> bool {
        self.blocks_workers
    }

    /// Whether the pool is released when the `EventPool` closes.
    pub fn is_owned(&self) -> bool {
        self.owned
    }
}

impl<P: Pool + 'static> From<P> for PoolHandle {
    fn from(pool: P) -> Self {
        Self::new(Arc::new(pool), true)
    }
}

impl<P: Pool + 'static> From<Arc<P>> for PoolHandle {
    fn from(pool: Arc<P>) -> Self {
        Self::new(pool, false)
    }
}

impl From<Arc<dyn Pool>> for PoolHandle {
    fn from(pool: Arc<dyn Pool>) -> Self {
        Self::new(pool, false)
    }
}

impl From<Box<dyn Pool>> for PoolHandle {
    fn from(pool: Box<dyn Pool>) -> Self {
        Self::new(pool.into(), true)
    }
}

impl fmt::Debug for PoolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolHandle")
            .field("owned", &self.owned)
            .field("stats", &self.pool.stats())
            .finish()
    }
}
