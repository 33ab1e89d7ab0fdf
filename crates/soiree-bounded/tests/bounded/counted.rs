//! What a thread that has waited for a job finds in the statistics.

use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use soiree_core::{Job, Overflow, Pool, PoolOptions, WaitError};

use crate::common::{
    Behavior, RunLog, ScriptedExecutor, TIME_LIMIT, in_thread, submit_blocked, wait_until,
};

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

/// P5: a release waits for jobs that run inline on other threads, so that none is active when it returns.
#[test]
fn a_release_waits_for_inline_jobs() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool_with(PoolOptions::new(1, 0).overflow(Overflow::CallerRuns));
    pool.submit(Job::new(|| {})).unwrap();
    let (started, has_started) = channel();
    let (finish, may_finish) = channel::<()>();
    let submitting = Arc::clone(&pool);
    let submitter = in_thread(move || {
        let blocks = move || {
            started.send(()).unwrap();
            may_finish.recv_timeout(TIME_LIMIT).unwrap();
        };
        submitting.submit(Job::new(blocks))
    });
    has_started.recv_timeout(TIME_LIMIT).unwrap();
    executor.run_all();
    let releasing = Arc::clone(&pool);
    let release = in_thread(move || {
        releasing.release();
        releasing.stats()
    });
    wait_until("the release has closed the pool", || pool.is_closed());
    assert_eq!(pool.stats().active, 1);
    finish.send(()).unwrap();
    let stats = release.wait();
    assert_eq!((stats.active, stats.successful), (0, 2));
    submitter.wait().unwrap();
}

/// P5: inline jobs that release their own pool do not wait for one another, nor for a worker that does the same.
#[test]
fn inline_jobs_may_release_their_own_pool() {
    let executor = ScriptedExecutor::new();
    executor.set_behavior(Behavior::Spawn);
    let pool = executor.pool_with(PoolOptions::new(1, 0).overflow(Overflow::CallerRuns));
    let all_run = Arc::new(Barrier::new(3));
    let submitters: Vec<_> = (0..3)
        .map(|_| {
            let (pool, all_run) = (Arc::clone(&pool), Arc::clone(&all_run));
            in_thread(move || {
                let releasing = Arc::clone(&pool);
                pool.submit(Job::new(move || {
                    all_run.wait();
                    releasing.release();
                }))
            })
        })
        .collect();
    for submitter in submitters {
        submitter.wait().unwrap();
    }
    pool.release();
    assert_eq!((pool.stats().active, pool.stats().successful), (0, 3));
}

/// P1: the largest numbers of workers and of waiting jobs are kept.
#[test]
fn peaks_are_kept() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(2, 4);
    for _ in 0..2 {
        pool.submit(Job::new(|| {})).unwrap();
    }
    let peaks = || (pool.stats().peak_running, pool.stats().peak_waiting);
    assert_eq!(peaks(), (2, 0));
    for _ in 0..3 {
        pool.submit(Job::new(|| {})).unwrap();
    }
    executor.run_all();
    pool.submit(Job::new(|| {})).unwrap();
    executor.run_all();
    assert_eq!(peaks(), (2, 3));
    for _ in 0..7 {
        pool.requeue(Job::new(|| {})).unwrap();
    }
    assert_eq!(peaks(), (2, 4));
    pool.stop();
    assert_eq!(peaks(), (2, 4));
}

/// P5: a stop can return the jobs that waited, oldest first. They count as discarded.
#[test]
fn a_stop_returns_the_jobs_that_waited() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 1);
    for name in ["0", "1"] {
        pool.submit(log.job(name)).unwrap();
    }
    for name in ["2", "3"] {
        pool.requeue(log.job(name)).unwrap();
    }
    assert!(!pool.is_closed());
    let jobs = pool.stop_and_take_jobs();
    assert!(pool.is_closed());
    assert_eq!((pool.stats().discarded, pool.stats().active), (4, 0));
    jobs.into_iter().for_each(|job| drop(job.run()));
    assert_eq!(log.take(), ["0", "1", "2", "3"]);
}

/// P1: a thread can wait until the pool is idle without closing it: until nothing runs, waits, or is blocked.
#[test]
fn a_thread_can_wait_until_the_pool_is_idle() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 0);
    assert!(pool.wait_idle(Instant::now()));
    pool.submit(log.job("runs")).unwrap();
    let blocked = submit_blocked(&pool, log.job("blocked"));
    pool.requeue(log.job("requeued")).unwrap();
    assert!(!pool.wait_idle(Instant::now()));
    let (waiting, inside) = (Arc::clone(&pool), Arc::clone(&pool));
    let waiter = in_thread(move || waiting.wait_idle(Instant::now() + TIME_LIMIT));
    let on_worker = Job::new(move || assert!(!inside.wait_idle(Instant::now() + TIME_LIMIT)));
    pool.requeue(on_worker).unwrap();
    assert!(waiter.wait_while_running(&executor));
    blocked.wait().unwrap();
    assert_eq!(pool.stats().successful, 4);
    assert!(!pool.is_closed());
    pool.submit(log.job("later")).unwrap();
    executor.run_all();
}
