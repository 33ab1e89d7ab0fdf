//! `PondPool` keeps the promises of every pool, on its own threads and on shared ones.

mod own {
    use soiree_pond::{PondPool, PoolOptions};

    soiree_testkit::pool_conformance!(
        PondPool,
        |spec| -> PondPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            PondPool::with_options(options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "the threads stay until the pool ends",
            min_workers: "all threads stay",
            spawn: "threadpool starts the threads itself, when the pool is made",
        }
    );
}

mod shared {
    use soiree_pond::{PondPool, PoolOptions};

    soiree_testkit::pool_conformance!(
        PondPool,
        |spec| -> PondPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            let threads = threadpool::ThreadPool::new(8);
            PondPool::shared(threads, options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "the threads belong to other code",
            min_workers: "the threads belong to other code",
            idle_workers: "the pool cannot know how many shared threads are idle",
            spawn: "the threads belong to other code",
        }
    );
}
