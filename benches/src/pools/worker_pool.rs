//! soiree's own pool.

use soiree::WorkerPool;

use super::job_pool::{CAPACITY, JobPool};

impl JobPool for WorkerPool {
    fn with_workers(workers: usize) -> Self {
        worker_pool(workers)
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        WorkerPool::submit(self, job).expect("the pool is open");
    }
}

pub(crate) fn worker_pool(workers: usize) -> WorkerPool {
    let builder = WorkerPool::builder()
        .min_workers(workers)
        .max_workers(workers);
    let pool = builder.capacity(CAPACITY).build();
    pool.expect("the limits are valid")
}
