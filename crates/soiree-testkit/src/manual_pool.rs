//! A pool that runs jobs when it is told to.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use soiree_core::{
    DrainTimeout, Job, JobOutcome, MAX_WORKERS, Pool, PoolStats, SubmitError, SubmitErrorReason,
    WorkerCheck, WorkerContext,
};

/// A pool without threads: jobs wait until the test runs them, on its own thread and in the order that it wants.
///
/// A cheap handle; clones are the same pool. So a test hands one to what it tests and keeps another:
///
/// ```
/// use soiree_core::{Job, Pool};
/// use soiree_testkit::ManualPool;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::sync::Arc;
///
/// let pool = ManualPool::new();
/// let sent = Arc::new(AtomicBool::new(false));
/// let seen = Arc::clone(&sent);
/// pool.submit(Job::new(move || seen.store(true, Ordering::SeqCst)))?;
/// assert_eq!(pool.pending(), 1);
/// assert!(!sent.load(Ordering::SeqCst), "nobody has told the pool to run it");
/// assert!(pool.run_next());
/// assert!(sent.load(Ordering::SeqCst));
/// # Ok::<(), soiree_core::SubmitError>(())
/// ```
///
/// # How it differs from other pools
/// - It never blocks a submitter: a full queue refuses. Nothing runs inline for want of a place.
/// - Whoever waits for a job waits until another thread runs it: run the job before you wait for it. So
///   [`submit_and_wait`](Pool::submit_and_wait) outside of its jobs needs a second thread.
/// - [`release`](Pool::release) runs what is queued on the calling thread. But closing an `EventPool` first waits for its
///   emissions, so [`run_all`](ManualPool::run_all) of them before you close it.
/// - Dropping the last handle drops what is queued, unrun, for there is no thread to run it.
/// - As many jobs run at once as threads run them. `running` and `active` are those; nobody is ever idle.
#[derive(Clone)]
pub struct ManualPool {
    shared: Arc<Shared>,
}

struct Shared {
    capacity: usize,
    nesting: WorkerContext,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    queue: VecDeque<Job>,
    /// Jobs that were told to run, and those that run inline inside them.
    active: usize,
    workers: usize,
    counted: PoolStats,
}

impl ManualPool {
    /// An open pool in which up to 1,024 jobs may wait.
    pub fn new() -> Self {
        Self::with_capacity(1024)
    }

    /// An open pool in which so many jobs may wait. With 0 it refuses all.
    pub fn with_capacity(capacity: usize) -> Self {
        let shared = Shared {
            capacity,
            nesting: WorkerContext::new(),
            state: Mutex::default(),
            ended: Condvar::new(),
        };
        let shared = Arc::new(shared);
        Self { shared }
    }

    /// Runs the job that has waited longest. Whether there was one.
    ///
    /// A panic of the job is caught and counted as failed. May be called inside a job of the pool.
    pub fn run_next(&self) -> bool {
        self.run_nth(0)
    }

    /// Runs the job that came last. Whether there was one.
    pub fn run_newest(&self) -> bool {
        self.run(VecDeque::pop_back)
    }

    /// Runs the job before which so many others wait. Whether there was one.
    pub fn run_nth(&self, before: usize) -> bool {
        self.run(|queue| queue.remove(before))
    }

    /// Runs jobs, oldest first, until none waits; also those that the jobs submit. How many that were.
    ///
    /// Does not return while each job submits another.
    pub fn run_all(&self) -> usize {
        let mut ran = 0;
        while self.run_next() {
            ran += 1;
        }
        ran
    }

    /// Drops the job that has waited longest, unrun, and counts it as discarded. Whether there was one.
    pub fn discard_next(&self) -> bool {
        let mut state = self.lock();
        let Some(job) = state.queue.pop_front() else {
            return false;
        };
        state.counted.discarded += 1;
        drop(state);
        drop(job);
        true
    }

    /// How many jobs wait.
    pub fn pending(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, take: impl FnOnce(&mut VecDeque<Job>) -> Option<Job>) -> bool {
        let mut state = self.lock();
        let Some(job) = take(&mut state.queue) else {
            return false;
        };
        state.workers += 1;
        state.active += 1;
        drop(state);
        let outcome = {
            let _entered = self.shared.nesting.enter_worker();
            job.run()
        };
        self.end(&outcome, 1);
        true
    }

    fn end(&self, outcome: &JobOutcome, workers: usize) {
        let mut state = self.lock();
        state.workers -= workers;
        state.active -= 1;
        match outcome {
            JobOutcome::Panicked(_) => state.counted.failed += 1,
            JobOutcome::Expired => state.counted.expired += 1,
            _ => state.counted.successful += 1,
        }
        self.shared.ended.notify_all();
    }

    fn refuse(
        mut state: MutexGuard<'_, State>,
        job: Job,
        reason: SubmitErrorReason,
    ) -> SubmitError {
        state.counted.rejected += 1;
        SubmitError::new(job, reason)
    }

    /// Drops what waits. How much that was.
    fn discard_all(&self) -> usize {
        let mut state = self.lock();
        let queue = std::mem::take(&mut state.queue);
        state.counted.discarded += queue.len() as u64;
        drop(state);
        queue.len()
    }
}

impl Pool for ManualPool {
    /// As [`try_submit`](Pool::try_submit).
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.try_submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        let capacity = self.shared.capacity;
        let mut state = self.lock();
        if state.closed {
            return Err(Self::refuse(state, job, SubmitErrorReason::Closed));
        }
        if state.queue.len() >= capacity {
            return Err(Self::refuse(
                state,
                job,
                SubmitErrorReason::Full { capacity },
            ));
        }
        state.queue.push_back(job);
        Ok(())
    }

    fn stop(&self) {
        self.lock().closed = true;
        self.discard_all();
    }

    /// Runs what waits on this thread, up to the deadline, then waits for what other threads run.
    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.lock().closed = true;
        while Instant::now() < deadline && self.run_next() {}
        let own = self.shared.nesting.depth();
        let mut state = self.lock();
        while state.active > own {
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            let woken = self.shared.ended.wait_timeout(state, rest);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let active = state.active.saturating_sub(own);
        drop(state);
        match (active, self.discard_all()) {
            (0, 0) => Ok(()),
            (active, discarded) => Err(DrainTimeout::new(active, discarded)),
        }
    }

    fn stats(&self) -> PoolStats {
        let state = self.lock();
        let mut stats = state.counted;
        stats.running = state.workers;
        stats.active = state.active;
        stats.waiting = state.queue.len();
        stats.capacity = self.shared.capacity;
        stats.max_workers = MAX_WORKERS;
        let ended = stats.completed() + stats.expired + stats.discarded;
        stats.submitted = ended + (stats.active + stats.waiting) as u64;
        stats
    }

    fn on_worker(&self) -> bool {
        self.shared.nesting.depth() > 0
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        Some(self.shared.nesting.worker_check())
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let entered = self.shared.nesting.enter_inline();
        let mut state = self.lock();
        if state.closed {
            return Err(Self::refuse(state, job, SubmitErrorReason::Closed));
        }
        if entered.is_none() {
            let depth = self.shared.nesting.depth();
            return Err(Self::refuse(
                state,
                job,
                SubmitErrorReason::RecursionLimit { depth },
            ));
        }
        state.active += 1;
        drop(state);
        let outcome = job.run();
        self.end(&outcome, 0);
        Ok(outcome)
    }
}

impl Default for ManualPool {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualPool")
            .field("stats", &self.stats())
            .finish()
    }
}
