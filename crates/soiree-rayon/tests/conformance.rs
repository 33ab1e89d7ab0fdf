//! What is promised of every pool holds of `RayonPool`, on threads of its own and on shared ones.

mod own {
    use soiree_rayon::{PoolOptions, RayonPool};

    soiree_testkit::pool_conformance!(
        RayonPool,
        |spec| -> RayonPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            RayonPool::with_options(options.overflow(spec.overflow)).unwrap()
        },
        without {
            resize: "a rayon pool keeps the threads that it was made with",
            idle_timeout: "rayon's threads stay until it ends",
            min_workers: "all of its threads stay",
            spawn: "rayon starts its threads itself, when the pool is made",
        }
    );
}

mod shared {
    use std::sync::Arc;

    use soiree_rayon::{PoolOptions, RayonPool};

    soiree_testkit::pool_conformance!(
        RayonPool,
        |spec| -> RayonPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            let threads = rayon::ThreadPoolBuilder::new().num_threads(8).build();
            let threads = Arc::new(threads.unwrap());
            RayonPool::shared(threads, options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "the threads are not its own",
            min_workers: "the threads are not its own",
            idle_workers: "how many shared threads are idle cannot be known",
            spawn: "the threads are not its own",
        }
    );
}
