//! A pool, and whether the `EventPool` owns it.

use std::fmt;
use std::sync::Arc;

use crate::panic::Contained;
use crate::pool::Pool;

/// A pool that is passed to an `EventPool`, and whether the `EventPool` owns it.
///
/// - From a pool by value or in a `Box`: owned. It is released when the `EventPool` closes.
/// - From a pool in an `Arc`: shared. It keeps running.
#[derive(Clone)]
pub struct PoolHandle {
    pool: Contained<Arc<dyn Pool>>,
    owned: bool,
    blocks_workers: bool,
}

impl PoolHandle {
    fn new(pool: Arc<dyn Pool>, owned: bool) -> Self {
        Self {
            pool: pool.into(),
            owned,
            blocks_workers: false,
        }
    }

    /// Lets workers of *other* pools of the same `EventPool` block when they emit to this pool and its queue is full.
    ///
    /// By default such an emission is rejected at once, so that a slow pool never blocks the workers of another one. It matters
    /// only for a pool that blocks when full.
    ///
    /// Do this in one direction only: two pools whose workers wait for each other's queue deadlock.
    ///
    /// ```
    /// # use soiree_core::{Pool, PoolHandle};
    /// fn audit(pool: impl Pool + 'static) -> PoolHandle {
    ///     // No audit event may be lost: a worker that emits one waits for room.
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

    /// Whether workers of other pools may block when they emit to this pool.
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
