//! Pools, as emissions know them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::context;
use soiree_core::{Pool, PoolHandle, WorkerCheck};

/// A pool, held weakly: a job in a pool's queue must not keep its own pool alive.
pub(crate) struct Link {
    /// What the emitter calls it.
    pub(crate) name: Arc<str>,
    pool: Weak<dyn Pool>,
    check: Option<WorkerCheck>,
    /// Whether workers of other pools wait for a place in it.
    pub(super) blocks_workers: bool,
    taken_off: AtomicBool,
    capacity: OnceLock<usize>,
}

impl Link {
    pub(crate) fn new(name: &Arc<str>, handle: &PoolHandle) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::clone(name),
            pool: Arc::downgrade(handle.pool()),
            check: handle.pool().worker_check(),
            blocks_workers: handle.blocks_workers(),
            taken_off: AtomicBool::new(false),
            capacity: OnceLock::new(),
        })
    }

    /// It is no bulkhead any more.
    pub(crate) fn take_off(&self) {
        self.taken_off.store(true, Ordering::Release);
    }

    pub(super) fn is_taken_off(&self) -> bool {
        self.taken_off.load(Ordering::Acquire)
    }

    /// How many jobs may wait in the pool, which has to be the one of this link.
    pub(crate) fn capacity(&self, pool: &dyn Pool) -> usize {
        if let Some(capacity) = self.capacity.get() {
            return *capacity;
        }
        // Not inside `get_or_init`, which holds up other threads: this is the pool's own code.
        let capacity = pool.stats().capacity;
        *self.capacity.get_or_init(|| capacity)
    }

    pub(super) fn upgrade(&self) -> Option<Arc<dyn Pool>> {
        self.pool.upgrade()
    }

    /// What stands for the pool in a [`Frame`](super::Frame).
    pub(crate) fn address(&self) -> usize {
        self.pool.as_ptr().cast::<()>().addr()
    }

    /// Whether the calling thread works for the pool, so that it must not wait for what the pool has yet to run.
    pub(crate) fn is_here(&self) -> bool {
        let pool = self.address();
        context::inside_any(|frame| frame.pool == pool)
            || match &self.check {
                Some(check) => check(),
                None => self.pool.upgrade().is_some_and(|pool| pool.on_worker()),
            }
    }
}
