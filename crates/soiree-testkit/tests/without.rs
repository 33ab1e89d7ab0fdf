//! A pool that cannot do everything: a channel of std and threads that stay. What it cannot do shows as ignored.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use soiree_core::{
    DrainTimeout, Job, JobOutcome, Pool, PoolStats, SubmitError, SubmitErrorReason, WorkerContext,
};
use soiree_testkit::Conformance;

struct Small {
    shared: Arc<Shared>,
}

struct Shared {
    nesting: WorkerContext,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: Option<Sender<Job>>,
    releasing: usize,
    stats: PoolStats,
}

impl Small {
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
            nesting: WorkerContext::new(),
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
        let _entered = self.nesting.enter_worker();
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

    fn run(&self, mut state: MutexGuard<'_, State>, job: Job) -> JobOutcome {
        state.stats.active += 1;
        drop(state);
        let outcome = job.run();
        let mut state = self.lock();
        state.stats.active -= 1;
        match outcome {
            JobOutcome::Panicked(_) => state.stats.failed += 1,
            JobOutcome::Expired => state.stats.expired += 1,
            _ => state.stats.successful += 1,
        }
        outcome
    }
}

fn closed(mut state: MutexGuard<'_, State>, job: Job) -> SubmitError {
    state.stats.rejected += 1;
    SubmitError::new(job, SubmitErrorReason::Closed)
}

impl Pool for Small {
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
        let own = usize::from(self.shared.nesting.is_worker());
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
        let others = state.stats.active - self.shared.nesting.depth();
        Err(DrainTimeout::new(others, 0))
    }

    fn stats(&self) -> PoolStats {
        let mut stats = self.shared.lock().stats;
        let ended = stats.completed() + stats.expired;
        stats.submitted = ended + (stats.active + stats.waiting) as u64;
        stats
    }

    fn on_worker(&self) -> bool {
        self.shared.nesting.depth() > 0
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let state = self.shared.lock();
        if state.jobs.is_none() {
            return Err(closed(state, job));
        }
        Ok(self.shared.run(state, job))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.stop();
    }
}

/// P1, P2, P3, P4, P5, P6, P7
mod small {
    use super::Small;

    soiree_testkit::pool_conformance!(
        Small,
        |spec| -> Small { Small::new(spec.max_workers) },
        without {
            bounded_queue: "its channel has no end",
            discard: "a channel cannot be emptied by others",
            idle_timeout: "its threads stay",
            idle_workers: "it does not ask them",
            min_workers: "all of them stay",
            resize: "they are as many as they were",
            spawn: "it starts them itself",
            worker_check: "it was left out",
        }
    );
}

const MISSING: [&str; 8] = [
    "bounded_queue",
    "discard",
    "idle_timeout",
    "idle_workers",
    "min_workers",
    "resize",
    "spawn",
    "worker_check",
];

/// Runs tests of this file in another process; what it printed.
fn print_of(arguments: &[&str]) -> String {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// P2, P5, P7, P8: exactly the tests are ignored that need what the pool does not have.
#[test]
fn what_a_pool_cannot_do_is_ignored() {
    let cases = Conformance::cases().iter();
    let expected: BTreeSet<String> = cases
        .filter(|case| case.needs().iter().any(|need| MISSING.contains(need)))
        .map(|case| format!("small::{}: test", case.name()))
        .collect();
    let listed = print_of(&["--list", "--ignored", "small::"]);
    let tests = listed.lines().filter(|line| line.ends_with(": test"));
    let ignored: BTreeSet<String> = tests.map(String::from).collect();
    assert_eq!(ignored, expected);
    let all = print_of(&["--list", "small::"]);
    let all = all.lines().filter(|line| line.ends_with(": test")).count();
    assert_eq!(all, Conformance::cases().len());
}

/// P2: and each says why, in the words of the description.
#[test]
fn an_ignored_test_says_why() {
    let printed = print_of(&[
        "small::resize",
        "small::p2_no_more_jobs_wait",
        "--test-threads=1",
    ]);
    for line in [
        "test small::resize_up_starts_queued_jobs ... ignored, they are as many as they were",
        "test small::p2_no_more_jobs_wait_than_the_capacity ... ignored, its channel has no end",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
    assert!(
        printed.contains("0 passed; 0 failed; 10 ignored"),
        "{printed}"
    );
}
