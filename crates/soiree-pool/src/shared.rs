//! What the handle of a pool and its workers share.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use soiree_core::{Job, JobOutcome, Overflow, PanicPayload, PoolStats, WorkerContext, WorkerGuard};

use crate::counters::{Counters, JobEnd};
use crate::state::State;
use crate::strategy::Strategy;
use crate::sync::{
    AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, lock_with_backoff,
};

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
    /// Submitters wait here for room in the queue.
    pub(crate) not_full: Condvar,
    /// Releases wait here for workers to exit. Also notified when another worker starts to wait here: see `State::releasing`.
    pub(crate) worker_exited: Condvar,

    // Copies of counts in `State`, stored with the state locked and loaded without.
    pub(crate) queued: AtomicUsize,
    pub(crate) live: AtomicUsize,
    pub(crate) idle: AtomicUsize,
    pub(crate) max_workers: AtomicUsize,

    /// Which threads run jobs of this pool.
    pub(crate) worker_context: WorkerContext,
    pub(crate) next_worker_number: AtomicU64,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock_with_backoff(&self.state)
    }

    /// Stores the counts that change with every job, for threads that read them without the lock.
    pub(crate) fn publish(&self, state: &State) {
        self.queued.store(state.jobs.len(), Ordering::Release);
        self.idle.store(state.unassigned_idle(), Ordering::Release);
    }

    /// As [`publish`](Self::publish), plus the counts that change with workers and their limit.
    pub(crate) fn publish_all(&self, state: &State) {
        self.publish(state);
        self.live.store(state.permits.live(), Ordering::Release);
        self.max_workers
            .store(state.permits.limit(), Ordering::Release);
    }

    /// Unlocks the state, then notifies a worker if jobs wait for one, and a submitter if there is room for its job. A thread
    /// that is notified under the lock wakes up only to wait for the lock.
    pub(crate) fn unlock_and_notify(&self, mut state: MutexGuard<'_, State>) {
        let notify_worker = state.try_notify_worker();
        let notify_submitter = state.blocked > 0 && state.has_room();
        drop(state);
        if notify_worker {
            self.not_empty.notify_one();
        }
        if notify_submitter {
            self.not_full.notify_one();
        }
    }

    /// As [`unlock_and_notify`](Self::unlock_and_notify), for a worker that has exited. Also notifies releases, and all blocked
    /// submitters, since each of them may have to start the next worker.
    pub(crate) fn unlock_and_notify_exit(&self, mut state: MutexGuard<'_, State>) {
        self.publish_all(&state);
        let notify_worker = state.try_notify_worker();
        let notify_submitters = state.blocked > 0;
        drop(state);
        if notify_worker {
            self.not_empty.notify_one();
        }
        if notify_submitters {
            self.not_full.notify_all();
        }
        self.worker_exited.notify_all();
    }

    /// Runs a job that the caller has [counted as started off-worker](Counters::record_started_off_worker).
    pub(crate) fn run_off_worker(&self, job: Job, _guard: WorkerGuard) -> JobOutcome {
        let outcome = job.run();
        self.counters
            .record_ended_off_worker(JobEnd::from(&outcome));
        self.report_panic(&outcome);
        outcome
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
        self.counters.record_started_off_worker();
        self.counters.record_ended_off_worker(JobEnd::Discarded);
        drop(job);
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let live = self.live.load(Ordering::Acquire);
        let mut stats = self.counters.read(self.capacity, live);
        stats.running = live;
        stats.idle = self.idle.load(Ordering::Acquire).min(live);
        stats.capacity = self.capacity;
        stats.max_workers = self.max_workers.load(Ordering::Acquire);
        stats.min_workers = self.min_workers;
        stats
    }
}
