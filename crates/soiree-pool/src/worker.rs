//! The life of a worker.

use std::time::{Duration, Instant};

use soiree_core::Job;

use crate::counters::{CounterShard, JobEnd};
use crate::shared::Shared;
use crate::state::{Phase, State};
use crate::sync::{Arc, Backoff, MutexGuard, Ordering, wait, wait_until};
use crate::worker_permits::WorkerPermit;

/// How long an idle worker that is needed sleeps at least, however short the idle timeout is.
const SHORTEST_STAY: Duration = Duration::from_millis(10);

struct Worker<'a> {
    shared: &'a Arc<Shared>,
    shard: CounterShard<'a>,
    /// Whether its permit counts as idle.
    idle: bool,
}

pub(crate) fn run(shared: &Arc<Shared>, mut permit: WorkerPermit) {
    let _guard = shared.worker_context.enter_worker();
    let shard = shared.counters.acquire_shard();
    let mut worker = Worker {
        shared,
        shard,
        idle: true,
    };
    while let Some((job, held)) = worker.next_job(permit) {
        permit = held;
        worker.run_job(job);
    }
}

impl Worker<'_> {
    fn run_job(&self, job: Job) {
        let ended = job.run_for_pool();
        self.shard.record_ended(JobEnd::from(ended.outcome()));
        self.shared.report_panic(ended.outcome());
    }

    /// Waits for the next job, and gives the permit back with it. Returns `None` if the worker has to exit; then the permit is
    /// released.
    fn next_job(&mut self, permit: WorkerPermit) -> Option<(Job, WorkerPermit)> {
        let shared = self.shared;
        let mut state = shared.lock();
        let mut backoff = Backoff::new();
        let mut asked_strategy = false;
        loop {
            if state.permits.is_over_limit() {
                return self.exit(state, permit);
            }
            if self.idle && !asked_strategy && state.jobs.len() > 1 && state.permits.is_available()
            {
                // Submitters that counted on this idle worker did not start another one, so the worker asks the strategy
                // itself. It does so before it takes a job: if the limit falls meanwhile, it may not run one any more.
                asked_strategy = true;
                let load = state.load_after_receive();
                drop(state);
                shared.grow_if_wanted(&load);
                state = shared.lock();
                continue;
            }
            if let Some(job) = state.jobs.try_recv() {
                self.start_job(state);
                return Some((job, permit));
            }
            if !self.idle {
                self.idle = true;
                state.permits.mark_idle();
                shared.publish(&state);
                // An idle worker is room for one more job. With a capacity of 0 there is no other room.
                if !state.waiters.is_empty() {
                    shared.unlock_and_notify(state);
                    state = shared.lock();
                    continue;
                }
                if shared.has_become_idle(&state) {
                    shared.became_idle.notify_all();
                }
            }
            if state.phase != Phase::Running {
                return self.exit(state, permit);
            }
            if !backoff.is_completed() {
                state.searching += 1;
                drop(state);
                while !backoff.is_completed() && shared.queued.load(Ordering::Acquire) == 0 {
                    backoff.snooze();
                }
                state = shared.lock();
                state.searching -= 1;
                continue;
            }
            let timed_out;
            (state, timed_out) = shared.sleep(state);
            if timed_out && !state.jobs.is_empty() {
                // Stay for the job.
                backoff = Backoff::new();
            } else if timed_out
                && state.permits.live() > shared.min_workers
                // It is kept for a job to come. Without it, those who wait might have no worker.
                && state.waiters.is_empty()
            {
                return self.exit(state, permit);
            }
        }
    }

    /// Counts a job as started, then notifies the next worker if more jobs are queued.
    fn start_job(&mut self, mut state: MutexGuard<'_, State>) {
        let was_idle = std::mem::replace(&mut self.idle, false);
        state.permits.mark_busy(was_idle);
        self.shard.record_started();
        self.shared.publish(&state);
        self.shared.unlock_and_notify(state);
    }

    #[cold]
    fn exit(
        &self,
        mut state: MutexGuard<'_, State>,
        permit: WorkerPermit,
    ) -> Option<(Job, WorkerPermit)> {
        state.permits.mark_busy(self.idle);
        state.permits.release(permit);
        self.shared.unlock_and_notify_exit(state);
        None
    }
}

impl Shared {
    /// Sleeps until notified. Returns whether the idle timeout has passed; workers up to `min_workers` have none.
    fn sleep<'a>(&'a self, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        state.sleeping += 1;
        let timeout = match state.waiters.is_empty() {
            true => self.idle_timeout,
            false => self.idle_timeout.max(SHORTEST_STAY),
        };
        let deadline = (state.permits.live() > self.min_workers)
            .then(|| Instant::now().checked_add(timeout))
            .flatten();
        let (mut state, timed_out) = match deadline {
            Some(deadline) => wait_until(&self.state, &self.not_empty, state, deadline),
            None => (wait(&self.not_empty, state), false),
        };
        state.worker_woke();
        (state, timed_out)
    }
}
