//! Limits, and what happens beyond them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use soiree_bounded::{BoundedPool, Permit};
use soiree_core::{
    InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, ResizeError, SubmitErrorReason,
};

use crate::common::{Permits, counting, figures};

/// P2: a higher limit starts what waits, a lower one holds for what has not started.
#[test]
fn a_resize_takes_effect_at_once() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(1, 4);
    for _ in 0..5 {
        pool.submit(counting(&ran)).unwrap();
    }
    pool.resize(3).unwrap();
    assert_eq!(figures(&pool), (3, 2, 5, 0, 0));
    let three = turns.take();
    assert_eq!(three.len(), 3);
    pool.resize(1).unwrap();
    three.into_iter().for_each(Permit::run);
    assert_eq!(turns.take().len(), 1, "one turn for those that wait");
    assert_eq!(pool.resize(0), Err(ResizeError::NoWorkers));
    assert_eq!(pool.stats().max_workers, 1);
}

/// P2: jobs that were handed over before the limit fell, and may not start under it, do not read as waiting above the capacity.
#[test]
fn no_more_jobs_read_as_waiting_than_may_when_the_limit_falls() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(3, 2);
    let (said, running) = channel();
    let (go, told) = channel::<()>();
    pool.submit(Job::new(move || {
        said.send(()).unwrap();
        let _ = told.recv();
    }))
    .unwrap();
    for _ in 0..4 {
        pool.submit(counting(&ran)).unwrap();
    }
    assert_eq!(figures(&pool), (3, 2, 5, 0, 0));
    pool.resize(1).unwrap();
    let mut three = turns.take();
    let first = three.remove(0);
    thread::scope(|scope| {
        let holding = scope.spawn(|| first.run());
        running.recv_timeout(Duration::from_secs(60)).unwrap();
        three.into_iter().for_each(Permit::run);
        assert_eq!(ran.load(Ordering::SeqCst), 0, "the limit holds");
        let (active, waiting, submitted, ..) = figures(&pool);
        assert_eq!((active + waiting, waiting, submitted), (5, 2, 5));
        assert!(pool.try_submit(counting(&ran)).is_err());
        drop(go);
        holding.join().unwrap();
    });
    turns.run_all();
    assert_eq!(figures(&pool), (0, 0, 5, 1, 5));
}

/// P2: submitters wait for a place, for as long as they are to.
#[test]
fn a_full_queue_holds_submitters_back() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let options = PoolOptions::new(1, 1).overflow(Overflow::BlockFor(Duration::from_millis(1)));
    let pool = BoundedPool::new(turns.clone(), options).unwrap();
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    let refused = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::TimedOut { .. }));

    let turns = Permits::new();
    let pool = turns.pool(1, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    thread::scope(|scope| {
        let blocked = scope.spawn(|| pool.submit(counting(&ran)));
        while !blocked.is_finished() {
            turns.run_all();
            thread::yield_now();
        }
        blocked.join().unwrap().unwrap();
    });
    turns.run_all();
    assert_eq!(figures(&pool), (0, 0, 3, 0, 3));
}

/// P2: the newest jobs take the place of the oldest, or run on their submitter, or are refused.
#[test]
fn the_other_policies_do_as_they_say() {
    let ran = Arc::default();
    let full = |overflow, capacity| {
        let turns = Permits::new();
        let options = PoolOptions::new(1, capacity).overflow(overflow);
        let pool = BoundedPool::new(turns.clone(), options).unwrap();
        for _ in 0..=capacity {
            pool.submit(counting(&ran)).unwrap();
        }
        (pool, turns)
    };
    let (pool, turns) = full(Overflow::DropOldest, 2);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(figures(&pool), (1, 2, 4, 0, 0));
    turns.run_all();
    assert_eq!(pool.stats().discarded, 1);
    assert_eq!(ran.swap(0, Ordering::SeqCst), 3);

    let (pool, _turns) = full(Overflow::DropOldest, 1);
    pool.try_submit(counting(&ran)).unwrap();
    pool.submit_now(counting(&ran)).unwrap();
    assert_eq!(pool.stats().discarded, 2);

    let (pool, _turns) = full(Overflow::CallerRuns, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit_now(counting(&ran)).unwrap();
    assert_eq!(ran.swap(0, Ordering::SeqCst), 2);
    assert_eq!(figures(&pool), (1, 1, 4, 0, 2));
    assert!(pool.try_submit(counting(&ran)).is_err());

    let (pool, _turns) = full(Overflow::Block, 1);
    let refused = pool.submit_now(counting(&ran)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::Full { .. }));

    for (overflow, capacity) in [(Overflow::Reject, 1), (Overflow::DropOldest, 0)] {
        let (pool, _turns) = full(overflow, capacity);
        let refused = pool.submit(counting(&ran)).unwrap_err();
        assert!(matches!(refused.reason, SubmitErrorReason::Full { .. }));
    }
}

/// P2: what cannot work is refused, and the error names the value.
#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |options| {
        BoundedPool::new(Permits::new(), options)
            .map(drop)
            .unwrap_err()
    };
    assert_eq!(
        refused(PoolOptions::new(0, 1)),
        InvalidPoolOptions::NoWorkers
    );
    let message = refused(PoolOptions::new(usize::MAX, 1)).to_string();
    assert!(message.starts_with(&format!("max_workers is {}", usize::MAX)));
    let message = refused(PoolOptions::new(1, usize::MAX)).to_string();
    assert!(message.starts_with(&format!("capacity is {}", usize::MAX)));
    let message = refused(PoolOptions::new(1, 1).name("a\0b")).to_string();
    assert_eq!(
        message,
        "the name \"a\\0b\" holds a NUL character at byte 1"
    );
}
