//! Pools, as emissions refer to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use soiree_core::{Pool, PoolHandle, WorkerCheck};

use crate::context::inside_frame;

/// A pool, held weakly: a job in a pool's queue must not keep its own pool alive.
pub(crate) struct PoolRef {
    /// Its name in the emitter.
    pub(crate) name: Arc<str>,
    pool: Weak<dyn Pool>,
    check: Option<WorkerCheck>,
    /// Whether workers of other pools wait for a place in it.
    pub(super) blocks_workers: bool,
    removed: AtomicBool,
    capacity: OnceLock<usize>,
}

impl PoolRef {
    pub(crate) fn new(name: &Arc<str>, handle: &PoolHandle) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::clone(name),
            pool: Arc::downgrade(handle.pool()),
            check: handle.pool().worker_check(),
            blocks_workers: handle.blocks_workers(),
            removed: AtomicBool::new(false),
            capacity: OnceLock::new(),
        })
    }

    /// The bulkhead was removed.
    pub(crate) fn set_removed(&self) {
        self.removed.store(true, Ordering::Release);
    }

    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
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
    pub(crate) fn address(&self) -> usize {
        self.pool.as_ptr().cast::<()>().addr()
    }

    /// Whether the calling thread works for the pool. It must not wait for a job that the pool has still to run.
    pub(crate) fn is_here(&self) -> bool {
        let pool = self.address();
        inside_frame(|frame| frame.pool == pool)
            || match &self.check {
                Some(check) => check(),
                None => self.pool.upgrade().is_some_and(|pool| pool.on_worker()),
            }
    }
}
