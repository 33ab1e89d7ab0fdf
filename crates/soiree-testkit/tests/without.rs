//! A pool that lacks most capabilities: an unbounded channel and a fixed number of threads. Its missing capabilities show as
//! ignored tests.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use soiree_core::{
    DrainTimeout, EndedJob, Job, JobOutcome, Pool, PoolStats, SubmitError, SubmitErrorReason,
    WorkerContext,
};
use soiree_testkit::Conformance;

struct ChannelPool {
    shared: Arc<Shared>,
}

struct Shared {
    context: WorkerContext,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: Option<Sender<Job>>,
    releasing: usize,
    stats: PoolStats,
}

impl ChannelPool {
    fn new(workers: usize) -> Self {
        let (sender, receiver) = channel();
        let mut stats = PoolStats::default();
        (stats.max_workers, stats.running) = (workers, workers);
        let state = State {
            jobs: Some(sender),
            releasing: 0,
            stats,
        };
        let shared = Arc::new(Shared {
            context: WorkerContext::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..workers {
            let (shared, receiver) = (Arc::clone(&shared), Arc::clone(&receiver));
            thread::spawn(move || shared.work(&receiver));
        }
        Self { shared }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn work(&self, receiver: &Mutex<Receiver<Job>>) {
        let _guard = self.context.enter_worker();
        loop {
            let job = receiver.lock().unwrap().recv();
            let Ok(job) = job else { break };
            let mut state = self.lock();
            state.stats.waiting -= 1;
            drop(self.run(state, job));
        }
        self.lock().stats.running -= 1;
        self.changed.notify_all();
    }

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
}

fn closed(mut state: MutexGuard<'_, State>, job: Job) -> SubmitError {
    state.stats.rejected += 1;
    SubmitError::new(job, SubmitErrorReason::Closed)
}

impl Pool for ChannelPool {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let mut state = self.shared.lock();
        let Some(jobs) = &state.jobs else {
            return Err(closed(state, job));
        };
        jobs.send(job).expect("workers hold the other end");
        state.stats.waiting += 1;
        Ok(())
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.submit(job)
    }

    fn stop(&self) {
        self.shared.lock().jobs = None;
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.stop();
        let own = usize::from(self.shared.context.is_worker());
        let mut state = self.shared.lock();
        state.releasing += own;
        self.shared.changed.notify_all();
        while state.stats.running > state.releasing * own {
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            state = self.shared.changed.wait_timeout(state, rest).unwrap().0;
        }
        let in_time = state.stats.running <= state.releasing * own;
        state.releasing -= own;
        if in_time {
            return Ok(());
        }
        let others = state.stats.active - self.shared.context.depth();
        Err(DrainTimeout::new(others, 0))
    }

    fn stats(&self) -> PoolStats {
        let mut stats = self.shared.lock().stats;
        let ended = stats.completed() + stats.expired;
        stats.submitted = ended + (stats.active + stats.waiting) as u64;
        stats
    }

    fn is_closed(&self) -> bool {
        self.shared.lock().jobs.is_none()
    }

    fn on_worker(&self) -> bool {
        self.shared.context.depth() > 0
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let state = self.shared.lock();
        if state.jobs.is_none() {
            return Err(closed(state, job));
        }
        Ok(self.shared.run(state, job).into_outcome())
    }
}

impl Drop for ChannelPool {
    fn drop(&mut self) {
        self.stop();
    }
}

/// P1, P2, P3, P4, P5, P6, P7
mod channel_pool {
    use super::ChannelPool;

    soiree_testkit::pool_conformance!(
        ChannelPool,
        |spec| -> ChannelPool { ChannelPool::new(spec.max_workers) },
        without {
            bounded_queue: "its channel is unbounded",
            discard: "only workers can take jobs from its channel",
            idle_timeout: "its threads never leave",
            idle_workers: "it does not count them",
            in_order: "no submitter is ever blocked",
            min_workers: "all of its threads stay",
            requeue: "its queue is never full",
            reserve: "its queue is never full",
            resize: "its number of threads is fixed",
            run_queued: "only workers can take jobs from its channel",
            spawn: "it starts its threads itself",
            try_reserve: "its queue is never full",
            worker_check: "it does not implement it",
        }
    );
}

const MISSING: [&str; 13] = [
    "bounded_queue",
    "discard",
    "idle_timeout",
    "idle_workers",
    "in_order",
    "min_workers",
    "requeue",
    "reserve",
    "resize",
    "run_queued",
    "spawn",
    "try_reserve",
    "worker_check",
];

/// Runs tests of this file in another process and returns what it printed.
fn output_of(arguments: &[&str]) -> String {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// P2, P5, P7, P8: exactly the tests that need a missing capability are ignored.
#[test]
fn tests_that_need_a_missing_capability_are_ignored() {
    let cases = Conformance::cases().iter();
    let expected: BTreeSet<String> = cases
        .filter(|case| case.needs().iter().any(|need| MISSING.contains(need)))
        .map(|case| format!("channel_pool::{}: test", case.name()))
        .collect();
    let listed = output_of(&["--list", "--ignored", "channel_pool::"]);
    let tests = listed.lines().filter(|line| line.ends_with(": test"));
    let ignored: BTreeSet<String> = tests.map(String::from).collect();
    assert_eq!(ignored, expected);
    let all = output_of(&["--list", "channel_pool::"]);
    let all = all.lines().filter(|line| line.ends_with(": test")).count();
    assert_eq!(all, Conformance::cases().len());
}

/// P2: an ignored test shows the reason from `without`.
#[test]
fn an_ignored_test_shows_its_reason() {
    let printed = output_of(&[
        "channel_pool::resize",
        "channel_pool::p2_no_more_jobs_wait",
        "--test-threads=1",
    ]);
    for line in [
        "test channel_pool::resize_up_starts_queued_jobs ... ignored, its number of threads is fixed",
        "test channel_pool::p2_no_more_jobs_wait_than_the_capacity ... ignored, its channel is unbounded",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
    assert!(
        printed.contains("0 passed; 0 failed; 12 ignored"),
        "{printed}"
    );
}
