//! The pools that the guides and examples show keep the promises that they speak of.

#[path = "../docs/fixed_threads.rs"]
mod fixed;
#[path = "../examples/custom_pool/pool.rs"]
mod fresh;

mod fresh_threads {
    use crate::fresh::FreshThreads;
    use soiree::pool::PoolOptions;

    soiree_testkit::pool_conformance!(
        FreshThreads,
        |spec| -> FreshThreads {
            let options = PoolOptions::new(spec.max_workers, spec.capacity);
            FreshThreads::new(options.overflow(spec.overflow)).unwrap()
        },
        without {
            idle_timeout: "a thread ends with its job",
            min_workers: "a thread ends with its job",
            idle_workers: "there are no idle threads",
            spawn: "the example starts its threads itself",
        }
    );
}

mod fixed_threads {
    use crate::fixed::FixedThreads;

    soiree_testkit::pool_conformance!(
        FixedThreads,
        |spec| -> FixedThreads { FixedThreads::new(spec.max_workers, spec.capacity).unwrap() },
        without {
            overflow: "it knows no policy but to block",
            resize: "it has the threads that it was made with",
            idle_timeout: "its threads stay",
            min_workers: "all of its threads stay",
            spawn: "it starts its threads itself",
        }
    );
}
