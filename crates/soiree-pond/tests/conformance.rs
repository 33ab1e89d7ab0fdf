//! What is promised of every pool holds of `PondPool`, on threads of its own and on shared ones.

mod own {
    use soiree_pond::{PondPool, PoolOptions};

    soiree_testkit::pool_conformance!(
        PondPool,
        |spec| -> PondPool {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            PondPool::with_options(options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "its threads stay until it ends",
            min_workers: "all of its threads stay",
            spawn: "threadpool starts its threads itself, when the pool is made",
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
            idle_timeout: "the threads are not its own",
            min_workers: "the threads are not its own",
            idle_workers: "how many shared threads are idle cannot be known",
            spawn: "the threads are not its own",
        }
    );
}
