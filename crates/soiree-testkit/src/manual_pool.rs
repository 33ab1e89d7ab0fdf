//! A pool whose jobs run only when a test says so.

mod pool;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use soiree_core::{
    EndedJob, Job, JobOutcome, KeepsPlaces, Pool, PoolStats, SubmitError, SubmitErrorReason,
    WorkerContext, WorkerGuard,
};

/// A pool without threads: jobs wait in its queue until the test runs them on its own thread, in any order it likes.
///
/// Use it to test code that submits jobs or emits events without depending on how threads interleave. Clones are the same
/// pool: pass one clone to the code under test and keep another.
///
/// ```
/// use soiree_core::{Job, Pool};
/// use soiree_testkit::ManualPool;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::sync::Arc;
///
/// let pool = ManualPool::new();
/// let ran = Arc::new(AtomicBool::new(false));
/// let in_job = Arc::clone(&ran);
/// pool.submit(Job::new(move || in_job.store(true, Ordering::SeqCst)))?;
/// assert_eq!(pool.pending(), 1);
/// assert!(!ran.load(Ordering::SeqCst), "no thread runs the job");
/// assert!(pool.run_next());
/// assert!(ran.load(Ordering::SeqCst));
/// # Ok::<(), soiree_core::SubmitError>(())
/// ```
///
/// # How it differs from other pools
/// - [`submit`](Pool::submit) never blocks: a full queue rejects the job. A job never runs inline because the queue is full.
///   [`requeue`](Pool::requeue) does not reject it: the job waits, and moves into the queue when there is room.
/// - No thread runs the jobs, so waiting for one blocks forever unless another thread runs it. Run the job before you wait
///   for its emission, and call [`submit_and_wait`](Pool::submit_and_wait) outside of a job only if a second thread runs jobs.
/// - [`release`](Pool::release) runs the queued jobs on the calling thread. `EventPool::close` waits for its emissions
///   *before* it releases the pool, so call [`run_all`](ManualPool::run_all) before you close.
/// - Dropping the last handle drops the queued jobs without running them.
/// - As many jobs run at once as threads run them: [`stats`](Pool::stats) shows `max_workers` as [`MAX_WORKERS`](soiree_core::MAX_WORKERS), `running` as
///   the threads that run jobs now, and `idle` as 0.
#[derive(Clone)]
pub struct ManualPool {
    shared: Arc<Shared>,
}

struct Shared {
    capacity: usize,
    context: WorkerContext,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    queue: VecDeque<Job>,
    /// What was requeued, and waits for room in the queue.
    requeued: VecDeque<Job>,
    /// Places that are kept for jobs to come.
    reserved: usize,
    /// Jobs that run now, inline jobs included.
    active: usize,
    /// Threads that run a job taken from the queue.
    workers: usize,
    counters: PoolStats,
    /// Threads that wait until jobs have ended.
    waiting: usize,
}

impl State {
    fn count_waiting(&mut self) {
        let waiting = self.queue.len();
        self.counters.peak_waiting = self.counters.peak_waiting.max(waiting);
    }
}

impl ManualPool {
    /// Creates an open pool with room for 1,024 waiting jobs.
    pub fn new() -> Self {
        Self::with_capacity(1024)
    }

    /// Creates an open pool with room for `capacity` waiting jobs. With 0 it rejects every job that is not requeued.
    pub fn with_capacity(capacity: usize) -> Self {
        let shared = Shared {
            capacity,
            context: WorkerContext::new(),
            state: Mutex::default(),
            ended: Condvar::new(),
        };
        let shared = Arc::new(shared);
        Self { shared }
    }

    /// Runs the oldest waiting job on the calling thread, and blocks until the job ends. Returns `false` if no job waits.
    ///
    /// If the queue is empty, because its capacity is 0, runs what was [requeued](Pool::requeue) first. The pool catches a panic of the job and counts the job as failed. A job of the pool may call this.
    pub fn run_next(&self) -> bool {
        self.run_nth(0)
    }

    /// Runs the newest waiting job, like [`run_next`](ManualPool::run_next). Returns `false` if no job waits.
    pub fn run_newest(&self) -> bool {
        self.run(VecDeque::pop_back)
    }

    /// Runs the waiting job that has `index` older jobs before it, like [`run_next`](ManualPool::run_next). Returns `false` if
    /// there is none.
    pub fn run_nth(&self, index: usize) -> bool {
        self.run(|queue| queue.remove(index))
    }

    /// Runs waiting jobs, oldest first, until the queue is empty. Returns how many it ran.
    ///
    /// Jobs that are submitted meanwhile run as well. Never returns if each job submits another one.
    pub fn run_all(&self) -> usize {
        let mut ran = 0;
        while self.run_next() {
            ran += 1;
        }
        ran
    }

    /// Drops the oldest waiting job without running it, and counts it as discarded. Returns `false` if no job waits.
    pub fn discard_next(&self) -> bool {
        let mut state = self.lock();
        let Some(job) = state.queue.pop_front() else {
            return false;
        };
        state.counters.discarded += 1;
        self.fill_queue(&mut state);
        drop(state);
        drop(job);
        true
    }

    /// The number of waiting jobs.
    pub fn pending(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Why there is no place for a new job, if there is none.
    fn why_no_place(&self, state: &State) -> Option<SubmitErrorReason> {
        let capacity = self.shared.capacity;
        if state.closed {
            return Some(SubmitErrorReason::Closed);
        }
        let is_full = state.queue.len() + state.reserved >= capacity;
        is_full.then_some(SubmitErrorReason::Full { capacity })
    }

    fn accept(&self, mut state: MutexGuard<'_, State>, job: Job) -> Result<(), SubmitError> {
        if let Some(reason) = self.why_no_place(&state) {
            return Err(Self::reject(state, job, reason));
        }
        state.queue.push_back(job);
        self.fill_queue(&mut state);
        state.count_waiting();
        Ok(())
    }

    /// Moves what was requeued into the queue, as far as there is room.
    fn fill_queue(&self, state: &mut State) {
        if !state.requeued.is_empty() {
            self.move_requeued(state);
        }
    }

    #[cold]
    fn move_requeued(&self, state: &mut State) {
        while state.queue.len() + state.reserved < self.shared.capacity {
            let Some(job) = state.requeued.pop_front() else {
                break;
            };
            state.queue.push_back(job);
        }
        state.count_waiting();
    }

    fn run(&self, take: impl FnOnce(&mut VecDeque<Job>) -> Option<Job>) -> bool {
        let mut state = self.lock();
        let job = match take(&mut state.queue) {
            None if state.queue.is_empty() => state.requeued.pop_front(),
            taken => taken,
        };
        let Some(job) = job else {
            return false;
        };
        self.fill_queue(&mut state);
        state.workers += 1;
        state.counters.peak_running = state.counters.peak_running.max(state.workers);
        drop(self.run_job(state, job, self.shared.context.enter_worker(), 1));
        true
    }

    /// Runs a job, and counts it and the workers that run it.
    fn run_job(
        &self,
        mut state: MutexGuard<'_, State>,
        job: Job,
        entered: WorkerGuard,
        workers: usize,
    ) -> EndedJob {
        state.active += 1;
        drop(state);
        let ended = job.run_for_pool();
        drop(entered);
        let mut state = self.lock();
        state.workers -= workers;
        state.active -= 1;
        match ended.outcome() {
            JobOutcome::Panicked(_) => state.counters.failed += 1,
            JobOutcome::Expired => state.counters.expired += 1,
            _ => state.counters.successful += 1,
        }
        if state.waiting > 0 {
            self.shared.ended.notify_all();
        }
        ended
    }

    fn reject(
        mut state: MutexGuard<'_, State>,
        job: Job,
        reason: SubmitErrorReason,
    ) -> SubmitError {
        state.counters.rejected += 1;
        SubmitError::new(job, reason)
    }

    /// Removes the waiting jobs, which count as discarded.
    fn take_all(&self) -> Vec<Job> {
        let mut state = self.lock();
        let mut jobs: Vec<Job> = std::mem::take(&mut state.queue).into();
        jobs.extend(std::mem::take(&mut state.requeued));
        state.counters.discarded += jobs.len() as u64;
        self.shared.ended.notify_all();
        jobs
    }

    /// Waits until all jobs have ended that the calling thread does not run, and that `counts` counts. Returns how many have not by
    /// the deadline.
    fn wait_for(&self, deadline: Instant, counts: impl Fn(&State) -> usize) -> usize {
        let own = self.shared.context.depth();
        let mut state = self.lock();
        while counts(&state) > own {
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            state.waiting += 1;
            let woken = self.shared.ended.wait_timeout(state, rest);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        counts(&state).saturating_sub(own)
    }
}

impl KeepsPlaces for Shared {
    fn submit_reserved(self: Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let pool = ManualPool { shared: self };
        let mut state = pool.lock();
        state.reserved -= 1;
        pool.accept(state, job)
    }

    fn give_back(self: Arc<Self>) {
        let pool = ManualPool { shared: self };
        let mut state = pool.lock();
        state.reserved -= 1;
        pool.fill_queue(&mut state);
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
