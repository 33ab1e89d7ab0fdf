//! `WorkerPool` keeps the promises of every pool, P1 to P8.

use soiree_pool::WorkerPool;

soiree_testkit::pool_conformance!(WorkerPool, |spec| -> WorkerPool {
    let builder = WorkerPool::builder()
        .min_workers(spec.min_workers)
        .max_workers(spec.max_workers)
        .capacity(spec.capacity)
        .idle_timeout(spec.idle_timeout)
        .overflow(spec.overflow);
    match spec.spawn {
        Some(spawn) => builder.spawn_handler(move |thread, body| spawn(thread, body)),
        None => builder,
    }
    .build()
    .unwrap()
});
