//! Running scenarios under a model checker, for crates that are built with `--cfg soiree_model`.

use std::env;
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, MaxSteps, Runner};

/// Runs the scenario under many schedules: with random switches, and with few but telling ones.
#[track_caller]
pub fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    // Far more than any scenario takes that gets to its end.
    config.max_steps = MaxSteps::FailAfter(200_000);
    if let Ok(schedule) = env::var("SOIREE_MODEL_REPLAY") {
        let schedule: String = schedule.split_whitespace().collect();
        Runner::new(ReplayScheduler::new_from_encoded(&schedule), config).run(scenario);
        return;
    }
    let schedules = env::var("SOIREE_MODEL_SCHEDULES").map_or(DEFAULT, |set| {
        set.parse().expect("SOIREE_MODEL_SCHEDULES is a number")
    });
    let scenario = Arc::new(scenario);
    let again = || {
        let scenario = Arc::clone(&scenario);
        move || scenario()
    };
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(again());
    for depth in [2, 4] {
        let pct = PctScheduler::new(depth, schedules / 2);
        Runner::new(pct, config.clone()).run(again());
    }
}

const DEFAULT: usize = 3_000;

/// Starts threads, and waits for them later.
#[derive(Default)]
pub struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Starts one.
    pub fn start(&mut self, body: impl FnOnce() + Send + 'static) {
        self.0.push(thread::spawn(body));
    }

    /// Waits until all have ended.
    ///
    /// # Panics
    /// If one of them panicked.
    pub fn join(self) {
        self.0.into_iter().for_each(|one| one.join().unwrap());
    }
}
