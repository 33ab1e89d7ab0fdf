//! `RayonPool` keeps the promises of every pool, on its own threads and on shared ones.

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
            idle_timeout: "the threads stay until the pool ends",
            min_workers: "all threads stay",
            spawn: "rayon starts the threads itself, when the pool is made",
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
            idle_timeout: "the threads belong to other code",
            min_workers: "the threads belong to other code",
            idle_workers: "the pool cannot know how many shared threads are idle",
            spawn: "the threads belong to other code",
        }
    );
}
