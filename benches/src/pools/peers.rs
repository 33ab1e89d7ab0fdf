//! Pools of other crates.

use std::time::Duration;

use super::job_pool::JobPool;

impl JobPool for threadpool::ThreadPool {
    fn with_workers(workers: usize) -> Self {
        Self::new(workers)
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.execute(job);
    }
}

impl JobPool for rayon::ThreadPool {
    fn with_workers(workers: usize) -> Self {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(workers);
        builder.build().expect("the threads start")
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.spawn(job);
    }
}

impl JobPool for rusty_pool::ThreadPool {
    fn with_workers(workers: usize) -> Self {
        let pool = Self::new(workers, workers, Duration::from_secs(60));
        pool.start_core_threads();
        pool
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.execute(job);
    }
}

pub(crate) fn runtime(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .build()
        .expect("the threads start")
}

/// Runs jobs as tasks on the workers of a runtime.
pub(crate) struct TokioPool(tokio::runtime::Runtime);

impl JobPool for TokioPool {
    fn with_workers(workers: usize) -> Self {
        Self(runtime(workers))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.0.spawn(async move { job() });
    }
}

/// Runs jobs with `spawn_blocking`. The one async worker of the runtime is idle.
pub(crate) struct TokioBlockingPool(tokio::runtime::Runtime);

impl JobPool for TokioBlockingPool {
    fn with_workers(workers: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(workers)
            .build();
        Self(runtime.expect("the threads start"))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.0.spawn_blocking(job);
    }
}
