//! The limits of workers and waiting jobs, and what happens at them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use soiree_bounded::{BoundedPool, Permit};
use soiree_core::{
    InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, ResizeError, SubmitErrorReason,
};

use crate::common::{ScriptedExecutor, counting, counts, submit_blocked};

/// P2: a higher limit starts waiting jobs; a lower one applies to jobs that have not started.
#[test]
fn a_resize_takes_effect_at_once() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(1, 4);
    for _ in 0..5 {
        pool.submit(counting(&ran)).unwrap();
    }
    pool.resize(3).unwrap();
    assert_eq!(counts(&pool), (3, 2, 5, 0, 0));
    let three = executor.take_permits();
    assert_eq!(three.len(), 3);
    pool.resize(1).unwrap();
    three.into_iter().for_each(Permit::run);
    assert_eq!(
        executor.take_permits().len(),
        1,
        "one permit for the waiting jobs"
    );
    assert_eq!(pool.resize(0), Err(ResizeError::NoWorkers));
    assert_eq!(pool.stats().max_workers, 1);
}

/// P2: when the limit is lowered below the permits that were sent, the jobs that may no longer start do not count as waiting
/// beyond the capacity.
#[test]
fn waiting_never_exceeds_the_capacity_after_the_limit_is_lowered() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(3, 2);
    let (started, has_started) = channel();
    let (finish, may_finish) = channel::<()>();
    pool.submit(Job::new(move || {
        started.send(()).unwrap();
        let _ = may_finish.recv();
    }))
    .unwrap();
    for _ in 0..4 {
        pool.submit(counting(&ran)).unwrap();
    }
    assert_eq!(counts(&pool), (3, 2, 5, 0, 0));
    pool.resize(1).unwrap();
    let mut three = executor.take_permits();
    let first = three.remove(0);
    thread::scope(|scope| {
        let holding = scope.spawn(|| first.run());
        has_started.recv_timeout(Duration::from_secs(60)).unwrap();
        three.into_iter().for_each(Permit::run);
        assert_eq!(ran.load(Ordering::SeqCst), 0, "the limit holds");
        let (active, waiting, submitted, ..) = counts(&pool);
        assert_eq!((active + waiting, waiting, submitted), (5, 2, 5));
        assert!(pool.try_submit(counting(&ran)).is_err());
        drop(finish);
        holding.join().unwrap();
    });
    executor.run_all();
    assert_eq!(counts(&pool), (0, 0, 5, 1, 5));
}

/// P2: submitters wait for room in the queue, with `BlockFor` no longer than it says.
#[test]
fn a_full_queue_blocks_submitters() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let options = PoolOptions::new(1, 1).overflow(Overflow::BlockFor(Duration::from_millis(1)));
    let pool = BoundedPool::new(executor.clone(), options).unwrap();
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    let rejected = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::TimedOut { .. }
    ));

    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    let submitter = submit_blocked(&pool, counting(&ran));
    submitter.wait_while_running(&executor).unwrap();
    executor.run_all();
    assert_eq!(counts(&pool), (0, 0, 3, 0, 3));
}

/// P2: a new job replaces the oldest one, or runs on its submitter, or is rejected.
#[test]
fn policies_that_do_not_block_do_as_documented() {
    let ran = Arc::default();
    let full = |overflow, capacity| {
        let executor = ScriptedExecutor::new();
        let options = PoolOptions::new(1, capacity).overflow(overflow);
        let pool = BoundedPool::new(executor.clone(), options).unwrap();
        for _ in 0..=capacity {
            pool.submit(counting(&ran)).unwrap();
        }
        (pool, executor)
    };
    let (pool, executor) = full(Overflow::DropOldest, 2);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(counts(&pool), (1, 2, 4, 0, 0));
    executor.run_all();
    assert_eq!(pool.stats().discarded, 1);
    assert_eq!(ran.swap(0, Ordering::SeqCst), 3);

    let (pool, _executor) = full(Overflow::DropOldest, 1);
    pool.try_submit(counting(&ran)).unwrap();
    pool.submit_now(counting(&ran)).unwrap();
    assert_eq!(pool.stats().discarded, 2);

    let (pool, _executor) = full(Overflow::CallerRuns, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit_now(counting(&ran)).unwrap();
    assert_eq!(ran.swap(0, Ordering::SeqCst), 2);
    assert_eq!(counts(&pool), (1, 1, 4, 0, 2));
    assert!(pool.try_submit(counting(&ran)).is_err());

    let (pool, _executor) = full(Overflow::Block, 1);
    let rejected = pool.submit_now(counting(&ran)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));

    for (overflow, capacity) in [(Overflow::Reject, 1), (Overflow::DropOldest, 0)] {
        let (pool, _executor) = full(overflow, capacity);
        let rejected = pool.submit(counting(&ran)).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
    }
}

/// P2: invalid options are rejected, and the error names the value.
#[test]
fn invalid_options_are_rejected() {
    let error = |options| {
        BoundedPool::new(ScriptedExecutor::new(), options)
            .map(drop)
            .unwrap_err()
    };
    assert_eq!(error(PoolOptions::new(0, 1)), InvalidPoolOptions::NoWorkers);
    let message = error(PoolOptions::new(usize::MAX, 1)).to_string();
    assert!(message.starts_with(&format!("max_workers is {}", usize::MAX)));
    let message = error(PoolOptions::new(1, usize::MAX)).to_string();
    assert!(message.starts_with(&format!("capacity is {}", usize::MAX)));
    let message = error(PoolOptions::new(1, 1).name("a\0b")).to_string();
    assert_eq!(
        message,
        "the name \"a\\0b\" holds a NUL character at byte 1"
    );
}
