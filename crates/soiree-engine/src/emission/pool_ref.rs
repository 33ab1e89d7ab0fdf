//! Pools, as emissions refer to them.

use std::sync::{Arc, OnceLock, Weak};

use soiree_core::panic::Contained;
use soiree_core::{Pool, PoolHandle, WorkerCheck};

use crate::context::inside_frame;

/// A pool, held weakly: a job in a pool's queue must not keep its own pool alive.
pub(crate) struct PoolRef {
    /// Its name in the emitter.
    pub(crate) name: Arc<str>,
    pool: Weak<dyn Pool>,
    /// Stands for the pool in a [`Frame`](crate::context::Frame).
    address: usize,
    check: Option<Contained<WorkerCheck>>,
    /// Whether workers of other pools wait for a place in it.
    pub(super) blocks_workers: bool,
    capacity: OnceLock<usize>,
}

impl PoolRef {
    pub(crate) fn new(name: &Arc<str>, handle: &PoolHandle) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::clone(name),
            pool: Arc::downgrade(handle.pool()),
            address: Arc::as_ptr(handle.pool()).cast::<()>().addr(),
            check: handle.pool().worker_check().map(Contained::new),
            blocks_workers: handle.blocks_workers(),
            capacity: OnceLock::new(),
        })
    }

    /// Whether this is the pool of the handle, used in the same way.
    pub(crate) fn is_of(&self, handle: &PoolHandle) -> bool {
        let pool = Arc::as_ptr(handle.pool()).cast::<()>();
        self.pool.as_ptr().cast::<()>() == pool && self.blocks_workers == handle.blocks_workers()
    }

    /// How many jobs may wait in the pool, which has to be the one that this refers to.
    pub(crate) fn capacity(&self, pool: &dyn Pool) -> usize {
        if let Some(capacity) = self.capacity.get() {
            return *capacity;
        }
        // Not inside `get_or_init`, which blocks other threads: `stats` is the pool's own code.
        let capacity = pool.stats().capacity;
        *self.capacity.get_or_init(|| capacity)
    }

    pub(super) fn upgrade(&self) -> Option<Arc<dyn Pool>> {
        self.pool.upgrade()
    }

    /// Stands for the pool in a [`Frame`](crate::context::Frame).
    #[inline]
    pub(crate) fn address(&self) -> usize {
        self.address
    }

    /// The number that [`WorkerContext::any_entered`](soiree_core::WorkerContext::any_entered) knows the pool by, if it does.
    pub(super) fn context_number(&self) -> Option<u64> {
        self.check.as_ref()?.context_number()
    }

    /// Whether the calling thread works for the pool. It must not wait for a job that the pool has still to run.
    pub(crate) fn is_here(&self) -> bool {
        let pool = self.address();
        inside_frame(|frame| frame.pool == pool)
            || match &self.check {
                Some(check) => check.is_worker(),
                None => self.pool.upgrade().is_some_and(|pool| pool.on_worker()),
            }
    }
}
