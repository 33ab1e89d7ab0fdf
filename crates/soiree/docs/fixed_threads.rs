use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{io, thread};

use soiree::PoolStats;
use soiree::pool::{
    DrainTimeout, EndedJob, Job, JobOutcome, Pool, SubmitError, SubmitErrorReason, WorkerCheck,
    WorkerContext,
};

/// A fixed number of threads that share one queue.
pub(crate) struct FixedThreads {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    context: WorkerContext,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    closed: bool,
    /// Workers that run a job.
    busy: usize,
    /// Workers that wait inside a job for their own pool to end.
    releasing: usize,
    stats: PoolStats,
}

impl State {
    fn free(&self) -> usize {
        self.stats.running - self.busy
    }

    fn has_place(&self) -> bool {
        self.queue.len() < self.stats.capacity + self.free()
    }
}

impl FixedThreads {
    pub(crate) fn new(workers: usize, capacity: usize) -> io::Result<Self> {
        if workers == 0 {
            // It would accept jobs and never run them.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "0 workers"));
        }
        let mut state = State::default();
        state.stats.max_workers = workers;
        state.stats.min_workers = workers;
        state.stats.capacity = capacity;
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            context: WorkerContext::new(),
        });
        // If a thread cannot be started, dropping the pool ends the others.
        let pool = Self { shared };
        for _ in 0..workers {
            let shared = Arc::clone(&pool.shared);
            shared.lock().stats.running += 1;
            let worker = Arc::clone(&shared);
            if let Err(error) = thread::Builder::new().spawn(move || worker.work()) {
                shared.lock().stats.running -= 1;
                return Err(error);
            }
        }
        Ok(pool)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let _guard = self.context.enter_worker();
        let mut state = self.lock();
        while !(state.closed && state.queue.is_empty()) {
            let Some(job) = state.queue.pop_front() else {
                state = self.wait(state);
                continue;
            };
            state.busy += 1;
            drop(self.run(state, job));
            state = self.lock();
            state.busy -= 1;
            self.changed.notify_all();
        }
        state.stats.running -= 1;
        self.changed.notify_all();
    }

    /// Runs and counts a job. The caller drops what this returns without the lock: that wakes the thread that waits for the job,
    /// and drops a panic's payload, which runs the user's code.
    fn run(&self, mut state: MutexGuard<'_, State>, job: Job) -> EndedJob {
        state.stats.active += 1;
        drop(state);
        let ended = job.run_for_pool();
        let mut state = self.lock();
        state.stats.active -= 1;
        match ended.outcome() {
            JobOutcome::Panicked(_) => state.stats.failed += 1,
            JobOutcome::Expired => state.stats.expired += 1,
            _ => state.stats.successful += 1,
        }
        ended
    }

    fn reject(
        &self,
        mut state: MutexGuard<'_, State>,
        job: Job,
        reason: SubmitErrorReason,
    ) -> SubmitError {
        state.stats.rejected += 1;
        SubmitError::new(job, reason)
    }

    fn queue(&self, mut state: MutexGuard<'_, State>, job: Job) {
        state.queue.push_back(job);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes the waiting jobs and counts them as discarded. The caller drops them without the lock.
    fn discard(&self) -> VecDeque<Job> {
        let mut state = self.lock();
        state.stats.discarded += state.queue.len() as u64;
        std::mem::take(&mut state.queue)
    }
}

impl Pool for FixedThreads {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let mut state = self.shared.lock();
        while !state.closed && !state.has_place() {
            if self.on_worker() {
                drop(state);
                return self.run_inline(job).map(drop);
            }
            state = self.shared.wait(state);
        }
        if state.closed {
            return Err(self.shared.reject(state, job, SubmitErrorReason::Closed));
        }
        self.shared.queue(state, job);
        Ok(())
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        let state = self.shared.lock();
        if state.closed {
            return Err(self.shared.reject(state, job, SubmitErrorReason::Closed));
        }
        if !state.has_place() {
            let capacity = state.stats.capacity;
            let reason = SubmitErrorReason::Full { capacity };
            return Err(self.shared.reject(state, job, reason));
        }
        self.shared.queue(state, job);
        Ok(())
    }

    fn stop(&self) {
        self.shared.close();
        drop(self.shared.discard());
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.shared.close();
        let on_worker = self.shared.context.is_worker();
        let mut state = self.shared.lock();
        state.releasing += usize::from(on_worker);
        self.shared.changed.notify_all();
        let in_time = loop {
            let waiting_themselves = if on_worker { state.releasing } else { 0 };
            if state.stats.running <= waiting_themselves {
                break true;
            }
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                break false;
            };
            let waited = self.shared.changed.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.releasing -= usize::from(on_worker);
        drop(state);
        if in_time {
            return Ok(());
        }
        let discarded = self.shared.discard().len();
        let active = self.shared.lock().stats.active;
        let active = active.saturating_sub(self.shared.context.depth());
        match (active, discarded) {
            (0, 0) => Ok(()),
            (active, discarded) => Err(DrainTimeout::new(active, discarded)),
        }
    }

    fn stats(&self) -> PoolStats {
        let state = self.shared.lock();
        let mut stats = state.stats;
        // A job that a free worker is about to take counts as active.
        let taken = state.queue.len().min(state.free());
        stats.active += taken;
        stats.waiting = state.queue.len() - taken;
        stats.idle = state.free() - taken;
        let ended = stats.completed() + stats.expired + stats.discarded;
        stats.submitted = ended + (stats.active + stats.waiting) as u64;
        stats
    }

    fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    fn on_worker(&self) -> bool {
        self.shared.context.depth() > 0
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        Some(self.shared.context.worker_check())
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let context = &self.shared.context;
        let guard = context.enter_inline();
        let state = self.shared.lock();
        if guard.is_none() {
            let depth = context.depth();
            return Err(self.shared.reject(
                state,
                job,
                SubmitErrorReason::RecursionLimit { depth },
            ));
        }
        if state.closed {
            return Err(self.shared.reject(state, job, SubmitErrorReason::Closed));
        }
        Ok(self.shared.run(state, job).into_outcome())
    }
}

/// Dropping the pool releases it without waiting.
impl Drop for FixedThreads {
    fn drop(&mut self) {
        self.shared.close();
    }
}
