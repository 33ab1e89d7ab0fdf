//! The pools of a round: of any kind, small, and with any overflow policy.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use soiree::pool::{Pool, PoolOptions};
use soiree::{Overflow, PondPool, RayonPool, TaskPool, TokioPool, WorkerPool};
use tokio::runtime::Handle;

/// A pool, and what a failure says about it.
pub(crate) struct MadePool {
    pub(crate) pool: Box<dyn Pool>,
    pub(crate) shown: String,
}

fn overflow(rng: &mut Rng) -> Overflow {
    match rng.u8(0..8) {
        0..=3 => Overflow::Block,
        4 => Overflow::BlockFor(Duration::from_micros(rng.u64(50..2_000))),
        5 => Overflow::Reject,
        6 => Overflow::CallerRuns,
        _ => Overflow::DropOldest,
    }
}

pub(crate) fn random_pool(rng: &mut Rng, runtime: &Handle) -> MadePool {
    let (workers, capacity) = (rng.usize(1..4), rng.usize(0..20));
    let overflow = overflow(rng);
    let options = PoolOptions::new(workers, capacity).overflow(overflow);
    let kind = rng.u8(0..8);
    let (name, pool): (_, Box<dyn Pool>) = match kind {
        0 => ("pond", Box::new(PondPool::with_options(options).unwrap())),
        1 => ("rayon", Box::new(RayonPool::with_options(options).unwrap())),
        2 => (
            "tokio",
            Box::new(TokioPool::with_options(runtime.clone(), options).unwrap()),
        ),
        3 => ("worker whose threads often fail", {
            let asked = AtomicUsize::new(0);
            let builder = worker_pool(rng, workers, capacity, overflow);
            let builder = builder.spawn_handler(move |thread, body| {
                match asked.fetch_add(1, Ordering::Relaxed) % 3 {
                    0 => Err(io::ErrorKind::WouldBlock.into()),
                    _ => thread.spawn(body).map(drop),
                }
            });
            Box::new(builder.build().unwrap())
        }),
        _ => ("worker", {
            let builder = worker_pool(rng, workers, capacity, overflow);
            Box::new(builder.build().unwrap())
        }),
    };
    let shown = format!("{name}({workers}, {capacity}, {overflow:?})");
    MadePool { pool, shown }
}

fn worker_pool(
    rng: &mut Rng,
    workers: usize,
    capacity: usize,
    overflow: Overflow,
) -> soiree::pool::WorkerPoolBuilder {
    WorkerPool::builder()
        .max_workers(workers)
        .capacity(capacity)
        .overflow(overflow)
        .idle_timeout(Duration::from_micros([1, 500, 10_000_000][rng.usize(0..3)]))
}

/// The pool of events that listeners wait for: its own listeners wait for nothing, so it always goes on.
pub(crate) fn leaf_pool(rng: &mut Rng) -> Arc<WorkerPool> {
    let workers = rng.usize(1..3);
    let builder = WorkerPool::builder().max_workers(workers).capacity(64);
    Arc::new(builder.overflow(Overflow::Reject).build().unwrap())
}

pub(crate) fn task_pool(rng: &mut Rng, runtime: &Handle) -> TaskPool {
    let options = PoolOptions::new(rng.usize(1..8), rng.usize(0..64)).overflow(overflow(rng));
    TaskPool::with_options(runtime.clone(), options).unwrap()
}
