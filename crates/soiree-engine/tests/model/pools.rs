//! Pools whose threads belong to the checker.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use shuttle::thread;
use soiree_core::{
    DrainTimeout, Job, JobId, JobOutcome, Pool, PoolHandle, PoolStats, SubmitError, WorkerCheck,
};
use soiree_pool::WorkerPool;

use crate::world::SOME;

/// A pool whose idle workers never exit.
pub(crate) fn workers(max_workers: usize, capacity: usize) -> WorkerPool {
    pool(max_workers, capacity, Duration::MAX, Arc::default())
}

/// A pool with one worker, which may exit at any moment that it is idle. No thread can be started as long as `fails` is `true`.
pub(crate) fn unstartable(capacity: usize, fails: &Arc<AtomicBool>) -> WorkerPool {
    pool(1, capacity, SOME, Arc::clone(fails))
}

fn pool(
    max_workers: usize,
    capacity: usize,
    idle_timeout: Duration,
    fails: Arc<AtomicBool>,
) -> WorkerPool {
    let pool = WorkerPool::builder()
        .max_workers(max_workers)
        .capacity(capacity)
        .idle_timeout(idle_timeout)
        .spawn_handler(move |_, body| {
            if fails.load(SeqCst) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            thread::spawn(body);
            Ok(())
        });
    pool.build().unwrap()
}

/// Which pools there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Accepted work waits in the pool.
    TakesBack,
    /// Accepted work waits in the engine: the pool has only what every pool must have.
    Plain,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::TakesBack, Kind::Plain];

impl Kind {
    /// The pool, which its emitter owns.
    pub(crate) fn owned(self, pool: WorkerPool) -> PoolHandle {
        match self {
            Self::TakesBack => pool.into(),
            Self::Plain => Plain(pool).into(),
        }
    }

    /// The pool, which outlives its emitter.
    pub(crate) fn shared(self, pool: WorkerPool) -> Arc<dyn Pool> {
        match self {
            Self::TakesBack => Arc::new(pool),
            Self::Plain => Arc::new(Plain(pool)),
        }
    }
}

struct Plain(WorkerPool);

impl Pool for Plain {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.try_submit(job)
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.0.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.0.stats()
    }

    fn on_worker(&self) -> bool {
        self.0.on_worker()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        self.0.worker_check()
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.0.run_inline(job)
    }

    fn run_queued(&self, id: JobId) -> bool {
        self.0.run_queued(id)
    }
}
