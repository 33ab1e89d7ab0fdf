//! Runs jobs on a pool.

mod criterion_runner;

fn main() {
    criterion_runner::run(&["tiny-jobs-", "idle-pool"]);
}
