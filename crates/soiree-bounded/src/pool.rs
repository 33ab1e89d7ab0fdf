//! A pool made of threads that belong to somebody else: bounding, counting, deadlines and shutdown, for all of them.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, JobOutcome, MAX_WORKERS, Pool, PoolOptions, PoolStats,
    ResizeError, SubmitError, WorkerCheck, WorkerContext,
};

use crate::executor::Executor;
use crate::shared::Shared;
use crate::state::State;

/// A [`Pool`] over any [`Executor`]: what is common to adapters.
///
/// Jobs wait in a queue of its own and go to the executor one by one, never more than `max_workers` at a time; so what the
/// executor has no bound for is bounded here, what it would forget is counted here, and a stop drops what waits.
///
/// Should the executor fail to run a permit, the submitter gets its job back; or, when other jobs were accepted in the belief
/// that this one would start, runs those itself. An executor that *drops* permits, as a runtime does that ends, is taken to have
/// ended: when its last permit is gone, the jobs that wait are discarded and counted, and further ones are rejected.
///
/// With an executor that [polls futures](Executor::polls_futures), a job that is a future holds no thread while it waits; it is
/// active, and takes one of the `max_workers` places, from its beginning to its end. It is never run inline: where another job
/// would be, it is rejected. What is in flight when a release misses its deadline is cancelled: dropped where it next yields, and
/// counted as discarded. So is what the executor drops.
///
/// [`on_worker`](Pool::on_worker) holds on threads that run its jobs, and on those of which the executor says
/// [`on_thread`](Executor::on_thread).
///
/// ```
/// use std::{io, thread};
/// use soiree_bounded::{BoundedPool, Executor, Permit};
/// use soiree_core::{Job, Pool, PoolOptions};
///
/// struct ThreadPerJob;
///
/// impl Executor for ThreadPerJob {
///     fn execute(&self, permit: Permit) -> io::Result<()> {
///         thread::Builder::new().spawn(|| permit.run()).map(drop)
///     }
/// }
///
/// let pool = BoundedPool::new(ThreadPerJob, PoolOptions::new(2, 100))?;
/// for _ in 0..10 {
///     pool.submit(Job::new(|| {}))?;
/// }
/// pool.release();
/// assert_eq!(pool.stats().successful, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BoundedPool<E: Executor> {
    shared: Arc<Shared<E>>,
}

impl<E: Executor> BoundedPool<E> {
    /// A pool that runs its jobs on the executor's threads.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn new(executor: E, options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        options.check()?;
        let polls_futures = executor.polls_futures();
        let state = State::new(executor, options.get_max_workers(), options.allocate()?);
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                polls_futures,
                nesting: WorkerContext::new(),
                state: Mutex::new(state),
                place: Condvar::new(),
                left: Condvar::new(),
            }),
        })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.shared.options.get_name()
    }
}

impl<E: Executor> Pool for BoundedPool<E> {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.try_submit(job)
    }

    fn submit_now(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.submit_now(job)
    }

    fn stop(&self) {
        self.shared.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.shared.release_until(deadline)
    }

    /// The pool's figures now. A job counts as active when it has gone to the executor, whose threads may be busy with
    /// other things. Where it cannot be known how many threads there are, those that run jobs are `running`, and `idle` is 0.
    fn stats(&self) -> PoolStats {
        let executor = self.shared.lock().executor.clone();
        let threads = executor.map_or(Some(0), |executor| executor.threads());
        let state = self.shared.lock();
        let at_work = state.at_work();
        let mut stats = state.stats(self.shared.options.get_capacity());
        drop(state);
        stats.capacity = self.shared.options.get_capacity();
        // Threads above the limit get no jobs, and so are no workers.
        let workers = threads.unwrap_or(0).min(stats.max_workers);
        stats.running = workers.max(at_work);
        stats.min_workers = workers;
        stats.idle = stats.running - at_work;
        stats
    }

    fn on_worker(&self) -> bool {
        self.shared.is_inside()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        let inside = self.shared.nesting.worker_check();
        let executor = self.shared.lock().executor.as_ref().map(Arc::downgrade);
        let on_thread = move || {
            let executor = executor.as_ref().and_then(std::sync::Weak::upgrade);
            executor.is_some_and(|executor| executor.on_thread())
        };
        Some(Arc::new(move || inside() || on_thread()))
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.shared.run_inline(job)
    }

    fn polls_futures(&self) -> bool {
        self.shared.polls_futures
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        let max = max_workers;
        if max == 0 {
            return Err(ResizeError::NoWorkers);
        }
        if max > MAX_WORKERS {
            return Err(ResizeError::TooLarge { max });
        }
        let executor = self.shared.lock().executor.clone();
        if let Some(executor) = executor {
            executor.resize(max)?;
        }
        self.shared.set_limit(max);
        Ok(())
    }
}

/// A release that does not wait.
impl<E: Executor> Drop for BoundedPool<E> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<E: Executor> fmt::Debug for BoundedPool<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedPool")
            .field("name", &self.name())
            .field("stats", &self.stats())
            .finish()
    }
}
