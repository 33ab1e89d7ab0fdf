//! What is promised of every pool holds of the pools over Tokio.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).build().unwrap()
});

macro_rules! keeps_its_promises {
    ($name:ident: $pool:ident) => {
        mod $name {
            use soiree_tokio::{$pool, PoolOptions};

            soiree_testkit::pool_conformance!(
                $pool,
                |spec| -> $pool {
                    let options = PoolOptions::new(spec.max_workers, spec.capacity);
                    let runtime = crate::RUNTIME.handle().clone();
                    $pool::with_options(runtime, options.overflow(spec.overflow)).unwrap()
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
    };
}

keeps_its_promises!(blocking_threads: TokioPool);
keeps_its_promises!(tasks: TaskPool);
