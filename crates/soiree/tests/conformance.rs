//! The pools of the guides and the examples pass the conformance suite.

#[path = "../docs/fixed_threads.rs"]
mod fixed;
#[path = "../docs/fresh_threads.rs"]
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
            overflow: "its only policy is to block",
            in_order: "one condition variable wakes its submitters in any order",
            requeue: "it keeps the provided method",
            run_queued: "it keeps the provided method",
            try_reserve: "it keeps the provided method",
            reserve: "it keeps the provided method",
            resize: "its number of threads is fixed",
            idle_timeout: "its threads stay",
            min_workers: "all its threads stay",
            spawn: "it starts its threads itself",
        }
    );
}
