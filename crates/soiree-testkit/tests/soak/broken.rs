//! Pools with one defect each.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use soiree_core::{
    DrainTimeout, Job, JobOutcome, Pool, PoolStats, ResizeError, SubmitError, WaitError,
    WorkerCheck,
};
use soiree_pool::WorkerPool;
use soiree_testkit::SoakSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    LeaksJobs,
    DropsJobs,
    RunsRejectedJobs,
    CountsJobsTwice,
    ExceedsMaxWorkers,
    ExceedsCapacity,
    IgnoresDeadlines,
    DoesNotWait,
    CountsRejectedAsSubmitted,
    HangsInRelease,
    PanicsInStop,
    /// Not a defect: a pool may have a fixed size.
    CannotResize,
}

/// A pool with a defect.
pub(crate) struct Broken {
    pool: WorkerPool,
    defect: Defect,
    spec: SoakSpec,
}

/// Submissions to all pools together: no pool lives long enough for 10,000.
static SUBMISSIONS: AtomicU64 = AtomicU64::new(0);

impl Broken {
    pub(crate) fn new(spec: &SoakSpec, defect: Defect) -> Self {
        let pool = WorkerPool::builder()
            .max_workers(spec.max_workers + usize::from(defect == Defect::ExceedsMaxWorkers))
            .min_workers(spec.min_workers)
            .capacity(
                spec.capacity
                    + if defect == Defect::ExceedsCapacity {
                        50
                    } else {
                        0
                    },
            )
            .idle_timeout(spec.idle_timeout)
            .overflow(spec.overflow)
            .build()
            .expect("a soak has valid limits");
        Self {
            pool,
            defect,
            spec: spec.clone(),
        }
    }

    fn is_every_10_000th() -> bool {
        SUBMISSIONS.fetch_add(1, Relaxed) % 10_000 == 9_999
    }
}

impl Pool for Broken {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        match self.defect {
            Defect::LeaksJobs if Self::is_every_10_000th() => {
                std::mem::forget(job);
                Ok(())
            }
            Defect::DropsJobs if Self::is_every_10_000th() => {
                drop(job);
                Ok(())
            }
            Defect::CountsJobsTwice if Self::is_every_10_000th() => {
                // A job that no client submitted.
                let _ = Pool::submit(&self.pool, Job::new(|| {}));
                Pool::submit(&self.pool, job)
            }
            Defect::RunsRejectedJobs => Pool::submit(&self.pool, job).map_err(|rejected| {
                let (job, reason) = rejected.into_parts();
                drop(job.run());
                SubmitError::new(Job::new(|| {}), reason)
            }),
            _ => Pool::submit(&self.pool, job),
        }
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        Pool::try_submit(&self.pool, job)
    }

    fn stop(&self) {
        assert!(self.defect != Defect::PanicsInStop, "broken");
        self.pool.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        if self.defect == Defect::HangsInRelease {
            loop {
                std::thread::park();
            }
        }
        self.pool.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        let mut stats = self.pool.stats();
        if self.defect == Defect::CountsRejectedAsSubmitted {
            stats.submitted += stats.rejected;
        }
        stats
    }

    fn on_worker(&self) -> bool {
        self.pool.on_worker()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        self.pool.worker_check()
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.pool.run_inline(job)
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        match self.defect {
            Defect::CannotResize => Err(ResizeError::Fixed {
                max: self.spec.max_workers,
            }),
            Defect::ExceedsMaxWorkers => self.pool.resize(max_workers + 1),
            _ => self.pool.resize(max_workers),
        }
    }

    fn submit_and_wait(&self, job: Job) -> Result<(), WaitError> {
        if self.defect == Defect::DoesNotWait {
            return Ok(self.submit(job)?);
        }
        self.pool.submit_and_wait(job)
    }

    fn submit_before(&self, job: Job, deadline: Instant) -> Result<(), SubmitError> {
        match self.defect {
            Defect::IgnoresDeadlines => self.submit(job),
            _ => self.submit(job.before(deadline)),
        }
    }
}
