//! What the handle of a pool and its workers share.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use soiree_core::{
    EndedJob, Job, JobOutcome, Overflow, PanicPayload, PoolStats, WorkerContext, WorkerGuard,
};

use crate::counters::{Counters, JobEnd};
use crate::state::State;
use crate::strategy::Strategy;
use crate::sync::{
    AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, lock_with_backoff,
};
use crate::waiters::{Waiting, Waked};

pub(crate) type PanicHandler = Box<dyn Fn(&PanicPayload) + Send + Sync>;
pub(crate) type SpawnHandler =
    Box<dyn Fn(thread::Builder, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) name: Box<str>,
    /// A copy of the queue's capacity, for reading without the lock.
    pub(crate) capacity: usize,
    pub(crate) min_workers: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) overflow: Overflow,
    pub(crate) panic_handler: Option<PanicHandler>,
    pub(crate) spawn_handler: SpawnHandler,

    /// Locked for a few instructions at a time, and never while user code runs.
    pub(crate) state: CachePadded<Mutex<State>>,
    /// Workers wait here for a job, or for a reason to exit.
    pub(crate) not_empty: Condvar,
    /// Releases wait here for workers to exit. Also notified when another worker starts to wait here: see `State::releasing`.
    pub(crate) worker_exited: Condvar,
    /// Threads that wait until no job runs or waits.
    pub(crate) became_idle: Condvar,
    /// How many do. Changed with the state locked.
    pub(crate) idle_waiters: AtomicUsize,

    // Copies of counts in `State`, stored with the state locked and loaded without.
    pub(crate) queued: AtomicUsize,
    pub(crate) live: AtomicUsize,
    pub(crate) idle: AtomicUsize,
    pub(crate) max_workers: AtomicUsize,
    pub(crate) blocked: AtomicUsize,
    pub(crate) requeued: AtomicUsize,
    pub(crate) reserved: AtomicUsize,
    pub(crate) peak_live: AtomicUsize,
    pub(crate) peak_queued: AtomicUsize,

    /// Which threads run jobs of this pool.
    pub(crate) worker_context: WorkerContext,
    pub(crate) next_worker_number: AtomicU64,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock_with_backoff(&self.state, self.capacity)
    }

    /// Stores the counts that change with every job, for threads that read them without the lock.
    #[inline]
    pub(crate) fn publish(&self, state: &State) {
        let queued = state.jobs.len();
        self.queued.store(queued, Ordering::Release);
        self.idle.store(state.unassigned_idle(), Ordering::Release);
        raise(&self.peak_queued, queued);
    }

    /// As [`publish`](Self::publish), plus the counts that change with workers and their limit.
    pub(crate) fn publish_all(&self, state: &State) {
        self.publish(state);
        self.live.store(state.permits.live(), Ordering::Release);
        raise(&self.peak_live, state.permits.live());
        self.max_workers
            .store(state.permits.limit(), Ordering::Release);
    }

    /// Stores the counts of what waits for a place.
    pub(crate) fn publish_waiters(&self, state: &State) {
        self.blocked
            .store(state.waiters.blocked(), Ordering::Release);
        self.requeued
            .store(state.waiters.requeued(), Ordering::Release);
    }

    /// Unlocks the state, after it gave the places that are free to those who wait for one. Then notifies these, and a worker if
    /// jobs wait for one. A thread that is notified under the lock wakes up only to wait for the lock.
    #[inline]
    pub(crate) fn unlock_and_notify(&self, mut state: MutexGuard<'_, State>) {
        if !state.waiters.is_empty() {
            return self.serve_waiters(state);
        }
        let notify_worker = state.try_notify_worker();
        drop(state);
        if notify_worker {
            self.not_empty.notify_one();
        }
    }

    #[cold]
    fn serve_waiters(&self, mut state: MutexGuard<'_, State>) {
        let mut served = Vec::new();
        while state.permits.live() > 0 && state.has_room() {
            let Some(waiting) = state.waiters.pop() else {
                break;
            };
            let job = match waiting {
                Waiting::Requeued(job) => job,
                Waiting::Blocked(job, thread) => {
                    served.push(Waked::Thread(thread));
                    job
                }
                Waiting::Task(task) => {
                    self.grant(&mut state, &task);
                    served.push(Waked::Task(task));
                    continue;
                }
            };
            state.jobs.send(job);
            self.counters.record_accepted();
        }
        self.publish(&state);
        self.publish_waiters(&state);
        let notify_worker = state.try_notify_worker();
        // A task that has its place does not wait any more, and is no job.
        let became_idle = self.has_become_idle(&state);
        drop(state);
        if notify_worker {
            self.not_empty.notify_one();
        }
        if became_idle {
            self.became_idle.notify_all();
        }
        for waked in served {
            waked.wake();
        }
    }

    /// Unlocks the state, after one who waited for a place has left without it.
    pub(crate) fn unlock_after_leaving(&self, state: MutexGuard<'_, State>) {
        self.publish_waiters(&state);
        let became_idle = self.has_become_idle(&state);
        drop(state);
        if became_idle {
            self.became_idle.notify_all();
        }
    }

    /// As [`unlock_and_notify`](Self::unlock_and_notify), for a worker that has exited. Also notifies releases.
    pub(crate) fn unlock_and_notify_exit(&self, state: MutexGuard<'_, State>) {
        self.publish_all(&state);
        let became_idle = self.has_become_idle(&state);
        // Nobody is left to give them a place: they have to start a worker themselves.
        let alone = match state.permits.live() {
            0 => state.waiters.tasks(),
            _ => Vec::new(),
        };
        self.unlock_and_notify(state);
        self.worker_exited.notify_all();
        if became_idle {
            self.became_idle.notify_all();
        }
        for task in alone {
            task.wake();
        }
    }

    /// Whether threads wait for the pool to be idle, and it is.
    #[inline]
    pub(crate) fn has_become_idle(&self, state: &State) -> bool {
        self.idle_waiters.load(Ordering::SeqCst) > 0 && self.is_idle(state)
    }

    pub(crate) fn is_idle(&self, state: &State) -> bool {
        state.is_at_rest() && !self.counters.is_active_off_worker()
    }

    /// Runs a job that the caller has [counted as started off-worker](Counters::record_started_off_worker).
    pub(crate) fn run_off_worker(&self, job: Job, guard: WorkerGuard) -> EndedJob {
        let ended = job.run_for_pool();
        self.record_ended_off_worker(JobEnd::from(ended.outcome()));
        self.report_panic(ended.outcome());
        drop(guard);
        ended
    }

    fn record_ended_off_worker(&self, end: JobEnd) {
        self.counters.record_ended_off_worker(end);
        // A thread that waits has counted itself before it read the counter. So it has seen the end, or is seen here.
        if self.idle_waiters.load(Ordering::SeqCst) > 0 {
            drop(self.lock());
            self.became_idle.notify_all();
        }
    }

    pub(crate) fn report_panic(&self, outcome: &JobOutcome) {
        let JobOutcome::Panicked(payload) = outcome else {
            return;
        };
        let Some(handler) = &self.panic_handler else {
            return;
        };
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| handler(payload))) {
            // Dropping the bare payload may panic again; `PanicPayload` catches that.
            drop(PanicPayload::new(second));
        }
    }

    pub(crate) fn discard(&self, job: Job) {
        self.count_discarded();
        drop(job);
    }

    /// Counts an accepted job as discarded. The caller drops it, or returns it.
    pub(crate) fn count_discarded(&self) {
        self.counters.record_started_off_worker();
        self.record_ended_off_worker(JobEnd::Discarded);
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let live = self.live.load(Ordering::Acquire);
        let mut stats = self.counters.read(self.capacity, live);
        stats.running = live;
        stats.idle = self.idle.load(Ordering::Acquire).min(live);
        stats.blocked = self.blocked.load(Ordering::Acquire);
        stats.requeued = self.requeued.load(Ordering::Acquire);
        stats.reserved = self.reserved.load(Ordering::Acquire);
        stats.peak_running = self.peak_live.load(Ordering::Acquire);
        // Jobs above the capacity were queued for an idle worker, and did not wait.
        let peak_queued = self.peak_queued.load(Ordering::Acquire);
        stats.peak_waiting = peak_queued.min(self.capacity);
        stats.capacity = self.capacity;
        stats.max_workers = self.max_workers.load(Ordering::Acquire);
        stats.min_workers = self.min_workers;
        stats
    }
}

/// Raises a peak. Called with the state locked.
#[inline]
fn raise(peak: &AtomicUsize, value: usize) {
    if value > peak.load(Ordering::Relaxed) {
        peak.store(value, Ordering::Release);
    }
}
