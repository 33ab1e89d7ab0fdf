//! What is promised of every pool holds of the pools over Tokio.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).build().unwrap()
});

mod blocking_threads {
    use soiree_tokio::{PoolOptions, TokioPool};

    soiree_testkit::pool_conformance!(
        TokioPool,
        |spec| -> TokioPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            let runtime = crate::RUNTIME.handle().clone();
            TokioPool::with_options(runtime, options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "the runtime decides when its blocking threads leave",
            min_workers: "the runtime decides how many blocking threads stay",
            idle_workers: "how many of the runtime's blocking threads are idle cannot be known",
            workers_end: "the threads are the runtime's, and outlive the pool",
            spawn: "the runtime starts its threads itself",
        }
    );
}

mod tasks {
    use soiree_tokio::{PoolOptions, TaskPool};

    soiree_testkit::pool_conformance!(
        TaskPool,
        |spec| -> TaskPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            let runtime = crate::RUNTIME.handle().clone();
            TaskPool::with_options(runtime, options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "the runtime decides when its blocking threads leave",
            min_workers: "the runtime decides how many blocking threads stay",
            idle_workers: "how many of the runtime's blocking threads are idle cannot be known",
            workers_end: "the threads are the runtime's, and outlive the pool",
            spawn: "the runtime starts its threads itself",
        }
    );
}
