//! `TokioPool` and `TaskPool` keep the promises of every pool.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).build().unwrap()
});

macro_rules! conformance {
    ($name:ident: $pool:ident) => {
        mod $name {
            use soiree_tokio::{PoolOptions, $pool};

            soiree_testkit::pool_conformance!(
                $pool,
                |spec| -> $pool {
                    let options = PoolOptions::new(spec.max_workers, spec.capacity);
                    let runtime = crate::RUNTIME.handle().clone();
                    $pool::with_options(runtime, options.overflow(spec.overflow)).unwrap()
                },
                without {
                    idle_timeout: "the runtime decides when its blocking threads exit",
                    min_workers: "the runtime decides how many blocking threads stay",
                    idle_workers: "the pool cannot know how many blocking threads are idle",
                    workers_end: "the threads belong to the runtime and outlive the pool",
                    spawn: "the runtime starts the threads itself",
                }
            );
        }
    };
}

conformance!(blocking_threads: TokioPool);
conformance!(tasks: TaskPool);
