//! What a thread that has waited for a job finds in the statistics.

use std::panic::resume_unwind;
use std::sync::Arc;

use soiree_core::{Job, Pool, WaitError};

use crate::common::{Behavior, ScriptedExecutor, in_thread};

const ROUNDS: u64 = 500;

/// P1: a job is counted when the thread that waits for it wakes, in whatever way it runs and ends.
#[test]
fn a_job_is_counted_before_the_thread_that_waits_for_it_wakes() {
    let executor = ScriptedExecutor::new();
    executor.set_behavior(Behavior::Spawn);
    let pool = executor.pool(2, 4);
    for round in 1..=ROUNDS {
        pool.submit_and_wait(Job::new(|| {})).unwrap();
        assert_eq!(pool.stats().successful, 2 * round - 1);
        let panicked = pool.submit_and_wait(Job::new(|| resume_unwind(Box::new("on purpose"))));
        assert!(matches!(panicked, Err(WaitError::Panicked(_))));
        assert_eq!(pool.stats().failed, round);
        pool.submit_and_wait(Job::from_future(async {})).unwrap();
        assert_eq!(pool.stats().successful, 2 * round);
    }
}

/// P1: so is a future that an executor polls.
#[test]
fn a_polled_future_is_counted_before_the_thread_that_waits_for_it_wakes() {
    let executor = ScriptedExecutor::polling();
    let pool = executor.pool(1, 0);
    let waiting = Arc::clone(&pool);
    let waiter = in_thread(move || {
        for round in 1..=ROUNDS {
            waiting.submit_and_wait(Job::from_future(async {})).unwrap();
            assert_eq!(waiting.stats().successful, round);
        }
    });
    waiter.wait_while_polling(&executor);
}
