//! The pools: each with one worker.

use std::sync::Arc;
use std::time::Instant;

use soiree::pool::{DrainTimeout, Job, Pool, PoolOptions, SubmitError};
use soiree::{
    EventPool, Overflow, PondPool, PoolHandle, PoolStats, RayonPool, TaskPool, TokioPool,
    WorkerPool,
};
use tokio::runtime::Runtime;

/// An `EventPool` on one of the pools.
pub(crate) struct OnPool {
    pub(crate) name: &'static str,
    pub(crate) soiree: EventPool,
    /// Whether it gives places in the order in which emitters began to wait.
    pub(crate) reserves: bool,
}

/// A pool with no more than every pool must have.
struct PlainPool(WorkerPool);

impl Pool for PlainPool {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.try_submit(job)
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.0.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.0.stats()
    }
}

fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).build().unwrap()
}

/// Calls `test` with an `EventPool` on each kind of pool, with this capacity and overflow policy.
pub(crate) fn on_every_pool(capacity: usize, overflow: Overflow, test: impl Fn(OnPool)) {
    let options = || PoolOptions::new(1, capacity).overflow(overflow);
    let worker_pool = || {
        let builder = WorkerPool::builder().max_workers(1).capacity(capacity);
        builder.overflow(overflow).build().unwrap()
    };
    type MakeRuntime = fn() -> Option<Runtime>;
    let handles: [(&str, bool, MakeRuntime); 6] = [
        ("WorkerPool", true, || None),
        ("PondPool", true, || None),
        ("RayonPool", true, || None),
        ("TokioPool", true, || Some(runtime())),
        ("TaskPool", true, || Some(runtime())),
        ("a plain pool", false, || None),
    ];
    for (name, reserves, runtime) in handles {
        println!("on {name}");
        let runtime = runtime();
        let handle = || runtime.as_ref().unwrap().handle().clone();
        let pool: PoolHandle = match name {
            "WorkerPool" => worker_pool().into(),
            "PondPool" => PondPool::with_options(options()).unwrap().into(),
            "RayonPool" => RayonPool::with_options(options()).unwrap().into(),
            "TokioPool" => TokioPool::with_options(handle(), options()).unwrap().into(),
            "TaskPool" => TaskPool::with_options(handle(), options()).unwrap().into(),
            _ => PlainPool(worker_pool()).into(),
        };
        test(OnPool {
            name,
            soiree: EventPool::with_pool(pool),
            reserves,
        });
        drop(runtime);
    }
}

/// A pool whose handle the test keeps.
pub(crate) fn shared_worker_pool(capacity: usize) -> Arc<WorkerPool> {
    Arc::new(WorkerPool::new(1, capacity).unwrap())
}
