//! Runs scenarios under the model checker [shuttle](https://docs.rs/shuttle).
//!
//! Only there in builds with `--cfg soiree_model`, in which the crates under test take their locks, condition variables,
//! atomics and threads from shuttle. `cargo xtask model` makes such a build and runs the scenarios of the workspace.
//!
//! A scenario is a closure that starts a few threads and asserts what must hold after any interleaving. [`explore`] runs it
//! under thousands of schedules and fails at the first one that panics, deadlocks or never ends.
//!
//! ```
//! use shuttle::sync::Mutex;
//! use soiree_testkit::model::{Threads, explore};
//! use std::sync::Arc;
//!
//! explore(|| {
//!     let sum = Arc::new(Mutex::new(0));
//!     let mut threads = Threads::default();
//!     for _ in 0..2 {
//!         let sum = Arc::clone(&sum);
//!         threads.start(move || *sum.lock().unwrap() += 1);
//!     }
//!     threads.join();
//!     assert_eq!(*sum.lock().unwrap(), 2);
//! });
//! ```

use std::env;
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, MaxSteps, Runner};

/// How many random schedules a scenario runs under unless `SOIREE_MODEL_SCHEDULES` is set.
const DEFAULT_SCHEDULES: usize = 3_000;

/// Runs `scenario` under many schedules, and blocks until all have run or one fails.
///
/// Schedules are of two kinds: some switch threads at random, others (probabilistic concurrency testing, PCT) switch only a
/// few times, which finds bugs that need one thread to be stopped for long. They are a random sample, a new one each time:
/// a scenario that passes is not proven right. Shuttle runs everything sequentially consistent, so no schedule shows an
/// effect of weak memory.
///
/// Two environment variables change what runs:
///
/// | variable | effect |
/// |---|---|
/// | `SOIREE_MODEL_SCHEDULES` | this many random schedules, and half as many PCT schedules of each depth; 3,000 unless set |
/// | `SOIREE_MODEL_REPLAY` | only this schedule, as a failed run printed it; white space in it is ignored |
///
/// # Panics
/// If a schedule makes the scenario panic, deadlock, or take more than 200,000 steps; shuttle prints that schedule. Also if
/// `SOIREE_MODEL_SCHEDULES` is not a number.
#[track_caller]
pub fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    // Far more than any scenario takes that ends.
    config.max_steps = MaxSteps::FailAfter(200_000);
    if let Ok(schedule) = env::var("SOIREE_MODEL_REPLAY") {
        let schedule: String = schedule.split_whitespace().collect();
        Runner::new(ReplayScheduler::new_from_encoded(&schedule), config).run(scenario);
        return;
    }
    let schedules = env::var("SOIREE_MODEL_SCHEDULES").map_or(DEFAULT_SCHEDULES, |set| {
        set.parse().expect("SOIREE_MODEL_SCHEDULES is a number")
    });
    let scenario = Arc::new(scenario);
    let scenario = || {
        let scenario = Arc::clone(&scenario);
        move || scenario()
    };
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(scenario());
    for depth in [2, 4] {
        let pct = PctScheduler::new(depth, schedules / 2);
        Runner::new(pct, config.clone()).run(scenario());
    }
}

/// Threads of a scenario that are joined together.
///
/// They are shuttle's threads, so the checker decides when each of them runs.
#[derive(Default)]
pub struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Starts a thread. Works only inside a scenario that [`explore`] runs.
    pub fn start(&mut self, body: impl FnOnce() + Send + 'static) {
        self.0.push(thread::spawn(body));
    }

    /// Blocks until all threads have ended.
    ///
    /// # Panics
    /// If one of the threads panicked.
    pub fn join(self) {
        for thread in self.0 {
            thread.join().unwrap();
        }
    }
}
