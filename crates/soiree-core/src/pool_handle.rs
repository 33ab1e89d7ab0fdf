//! Who a pool belongs to.

use std::fmt;
use std::sync::Arc;

use crate::pool::Pool;

/// A pool, and whether it is the holder's to release.
///
/// Made of a pool by value, it is released when the `EventPool` closes; made of an `Arc`, it is left running.
#[derive(Clone)]
pub struct PoolHandle {
    pub(crate) pool: Arc<dyn Pool>,
    pub(crate) owned: bool,
}

impl<P: Pool + 'static> From<P> for PoolHandle {
    fn from(pool: P) -> Self {
        Self {
            pool: Arc::new(pool),
            owned: true,
        }
    }
}

impl<P: Pool + 'static> From<Arc<P>> for PoolHandle {
    fn from(pool: Arc<P>) -> Self {
        Self { pool, owned: false }
    }
}

impl From<Arc<dyn Pool>> for PoolHandle {
    fn from(pool: Arc<dyn Pool>) -> Self {
        Self { pool, owned: false }
    }
}

impl From<Box<dyn Pool>> for PoolHandle {
    fn from(pool: Box<dyn Pool>) -> Self {
        Self {
            pool: pool.into(),
            owned: true,
        }
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
