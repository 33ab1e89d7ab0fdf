//! The pool: bounding, counting, deadlines and shutdown for any executor.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use soiree_core::{
    DrainTimeout, InvalidPoolOptions, Job, JobId, JobOutcome, MAX_WORKERS, Pool, PoolOptions,
    PoolStats, Reservation, Reserve, ResizeError, SubmitError, SubmitErrorReason, WorkerCheck,
    WorkerContext,
};

use crate::ended::Ended;
use crate::executor::Executor;
use crate::shared::Shared;
use crate::state::State;

/// A bounded, counted [`Pool`] over any [`Executor`].
///
/// Jobs wait in a queue of the pool. At most `max_workers` of them are with the executor at once, each by its own
/// [`Permit`](crate::Permit), and at most `capacity` wait. The
/// [overflow policy](PoolOptions::overflow) decides about further jobs.
///
/// # Order
/// Jobs start in the order in which they were accepted. With more than one worker they run at the same time and end in any
/// order. Jobs that run inline overtake those that wait.
///
/// Those that wait for a place in the queue stand in one line: blocked submitters, tasks in [`reserve`](Pool::reserve), and jobs that
/// were [requeued](Pool::requeue). They get places in the order in which they came, and before jobs that are submitted later. The job
/// of a task starts in that order too, whenever the task submits it. A job
/// that [replaces the oldest one](soiree_core::Overflow::DropOldest) takes its place, but starts after those that waited before.
///
/// # Blocking
/// [`submit`](Pool::submit) blocks while the queue is full if the [overflow policy](soiree_core::Overflow) says so. Inside a job
/// of the pool it never blocks: the new job runs inline, up to [`MAX_INLINE_DEPTH`](soiree_core::MAX_INLINE_DEPTH) jobs inside
/// one another, and is rejected beyond that. Nor does it block on another [thread of the executor](Executor::on_thread): there it
/// rejects the job. [`on_worker`](Pool::on_worker) is `true` on both kinds of thread, so `submit_and_wait` runs the job inline.
///
/// # What is lost
/// A job that was accepted is lost only in these cases, and then counts as `discarded`: the pool is stopped, a release misses its
/// deadline, [`DropOldest`](soiree_core::Overflow::DropOldest) makes room for a newer job, or the executor drops its permits.
///
/// # When the executor fails
/// If [`execute`](Executor::execute) returns an error or panics, the submitter gets its job back with
/// [`Spawn`](soiree_core::SubmitErrorReason::Spawn) as the reason; if other workers are left and the queue has room, the job
/// waits for them instead. If no worker is left, the submitter also runs the jobs that others have queued because the failed
/// permit was on its way, and returns after that.
///
/// A requeued job neither comes back nor runs on the thread that requeues it. If no worker is left, it waits. The pool sends a
/// permit for it whenever a job ends, and whenever somebody submits or requeues a job, resizes the pool or takes a job out of the
/// queue. Threads that wait for the pool ([`release`](Pool::release), [`wait_idle`](Pool::wait_idle)) send permits again and again;
/// a release also runs the jobs itself. If nothing of that happens, the job waits for ever: the pool has no thread of its own.
/// Dropping the pool discards it if no permit can be sent then.
///
/// If the executor *drops* a permit, as a runtime does when it shuts down, it is taken to have ended: once its last permit is
/// gone and no job runs, the waiting jobs are discarded, and new ones are rejected as by a closed pool.
///
/// # Futures
/// With an executor that [polls futures](Executor::polls_futures), a job that is a future holds no thread while it waits. It is
/// active from its start to its end and takes one of the `max_workers`. A future never runs inline: where another job would, it
/// is rejected.
///
/// When a release misses its deadline, it cancels the futures in flight. Those that nobody polls at that moment are dropped by the
/// releasing thread, before the release returns. The others are dropped when their poll returns, and still count as active in
/// the error. A future that is dropped counts as discarded, also if the executor drops it.
///
/// A thread that polls a future of any such pool, or drops one, never waits for a pool that polls futures: it may be the only
/// thread that can poll them. See [`wait_would_deadlock`](Pool::wait_would_deadlock) for what the calls do there that wait
/// elsewhere. A release in such a place leaves the accepted jobs alone: it closes the pool, and they run as they would have. The
/// error of [`release_with_deadline`](Pool::release_with_deadline) counts them.
///
/// [`run_queued`](Pool::run_queued) polls a future once, on the calling thread. If it is not ready then, it stays in the queue.
///
/// # Dropping
/// Dropping the pool closes it and does not wait: the accepted jobs still run, then the executor is dropped.
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
    /// Makes a pool that runs its jobs on the executor. Allocates the queue; sends the executor nothing yet.
    ///
    /// # Errors
    /// If an option is invalid; the error names the option and its value.
    pub fn new(executor: E, options: PoolOptions) -> Result<Self, InvalidPoolOptions> {
        options.check()?;
        let (polls_futures, threads) = (executor.polls_futures(), executor.threads());
        let (max_workers, capacity) = (options.max_workers, options.capacity);
        let mut state = State::new(executor, max_workers, capacity, options.allocate()?);
        state.record_running(threads.unwrap_or(0).min(max_workers));
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                polls_futures,
                worker_context: WorkerContext::new(),
                state: Mutex::new(state),
                ended: Ended::default(),
            }),
        })
    }

    /// The name from the options.
    pub fn name(&self) -> &str {
        &self.shared.options.name
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

    fn requeue(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.requeue(job)
    }

    fn run_queued(&self, id: JobId) -> bool {
        self.shared.run_queued(id)
    }

    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        self.shared.try_reserve()
    }

    fn reserves_places(&self) -> bool {
        self.shared.options.capacity > 0
    }

    fn reserve(&self) -> Option<Reserve> {
        Some(self.shared.reserve())
    }

    fn stop(&self) {
        self.shared.stop();
    }

    fn stop_and_take_jobs(&self) -> Vec<Job> {
        self.shared.stop_and_take_jobs()
    }

    fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }

    fn wait_idle(&self, deadline: Instant) -> bool {
        self.shared.wait_idle(deadline)
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.shared.release_until(deadline)
    }

    /// The pool's statistics now.
    ///
    /// A job is `active` as soon as the executor has its permit, even if the executor's threads are still busy with something
    /// else. If the executor does not know [how many threads](Executor::threads) it has, `running` is the number of active jobs,
    /// and `idle` and `min_workers` are 0.
    fn stats(&self) -> PoolStats {
        let executor = self.shared.lock().executor.clone();
        let threads = executor.map_or(Some(0), |executor| executor.threads());
        let state = self.shared.lock();
        let busy = state.workers();
        let mut stats = state.stats();
        drop(state);
        // Threads above the limit get no jobs, so they are not workers.
        let workers = threads.unwrap_or(0).min(stats.max_workers);
        stats.running = workers.max(busy);
        stats.min_workers = workers;
        stats.idle = stats.running - busy;
        stats
    }

    fn on_worker(&self) -> bool {
        self.shared.on_worker()
    }

    fn wait_would_deadlock(&self) -> bool {
        self.shared.wait_would_deadlock()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        let in_job = self.shared.worker_context.worker_check();
        let executor = self.shared.lock().executor.as_ref().map(Arc::downgrade);
        let on_thread = move || {
            let executor = executor.as_ref().and_then(Weak::upgrade);
            executor.is_some_and(|executor| executor.on_thread())
        };
        Some(WorkerCheck::new(move || in_job.is_worker() || on_thread()))
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
            let threads = executor.threads().unwrap_or(0);
            self.shared.lock().record_running(threads.min(max));
        }
        self.shared.set_max_workers(max);
        Ok(())
    }
}

/// Closes the pool without waiting. The accepted jobs still run.
impl<E: Executor> Drop for BoundedPool<E> {
    fn drop(&mut self) {
        self.shared.abandon();
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
