//! The pools: each with one worker, and a short queue that rejects what does not fit.

use std::sync::Arc;
use std::time::Instant;

use soiree::pool::{Pool, PoolOptions};
use soiree::{Overflow, PondPool, RayonPool, TaskPool, TokioPool, WorkerPool};
use tokio::runtime::Runtime;

use crate::case::PoolKind;
use crate::surroundings::LIMIT;

pub(crate) const CAPACITY: usize = 4;

/// A pool, and the runtime that it needs.
pub(crate) struct TestedPool {
    pub(crate) pool: Arc<dyn Pool>,
    runtime: Option<Runtime>,
}

impl TestedPool {
    pub(crate) fn new(kind: PoolKind) -> Self {
        let options = PoolOptions::new(1, CAPACITY).overflow(Overflow::Reject);
        let runtime = matches!(kind, PoolKind::Tokio | PoolKind::Task).then(|| {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(1).build().unwrap()
        });
        let handle = || runtime.as_ref().unwrap().handle().clone();
        let pool: Arc<dyn Pool> = match kind {
            PoolKind::Worker => {
                let builder = WorkerPool::builder().max_workers(1).capacity(CAPACITY);
                Arc::new(builder.overflow(Overflow::Reject).build().unwrap())
            }
            PoolKind::Pond => Arc::new(PondPool::with_options(options).unwrap()),
            PoolKind::Rayon => Arc::new(RayonPool::with_options(options).unwrap()),
            PoolKind::Tokio => Arc::new(TokioPool::with_options(handle(), options).unwrap()),
            PoolKind::Task => Arc::new(TaskPool::with_options(handle(), options).unwrap()),
        };
        Self { pool, runtime }
    }

    /// Releases the pool. Returns whether it ended in time.
    pub(crate) fn end(self) -> bool {
        let is_released = self
            .pool
            .release_with_deadline(Instant::now() + LIMIT)
            .is_ok();
        drop(self.pool);
        if let Some(runtime) = self.runtime {
            runtime.shutdown_timeout(LIMIT);
        }
        is_released
    }
}
