//! Tasks that wait for a place, without a thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::{Duration, Instant};

use soiree_core::{Job, Overflow, Pool, PoolOptions, SubmitErrorReason};

use crate::common::{
    Behavior, RunLog, ScriptedExecutor, TIME_LIMIT, counts, in_thread, submit_blocked, wait_until,
};
use crate::polled::{Polled, fill, run_one};

/// A2: the job of a task starts before those of all who began to wait later, also if the task submits it late.
#[test]
fn the_job_of_a_task_starts_in_the_order_of_the_line() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 2);
    fill(&pool, &log, 3);
    let task = Polled::waiting(&pool);
    let blocked = submit_blocked(&pool, log.job("thread"));
    pool.requeue(log.job("requeued")).unwrap();
    let later = Polled::waiting(&pool);
    run_one(&executor);
    assert_eq!((task.wakes(), later.wakes()), (1, 0));
    let place = task.granted();
    run_one(&executor);
    blocked.wait().unwrap();
    // The thread has the place behind it, and began to wait after it.
    place.submit(log.job("task")).unwrap();
    run_one(&executor);
    executor.run_all();
    later.granted().submit(log.job("later")).unwrap();
    executor.run_all();
    let order = [
        "before", "before", "before", "task", "thread", "requeued", "later",
    ];
    assert_eq!(log.take(), order);
    assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
}

/// P5: a release runs what was accepted although every place, and every worker, is kept for jobs to come.
#[test]
fn a_release_takes_back_places_that_are_kept() {
    for stop in [false, true] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, 1);
        let [used, unused] = [(); 2].map(|()| Polled::ready(&pool));
        assert_eq!(pool.stats().reserved, 2);
        pool.requeue(log.job("requeued")).unwrap();
        let task = Polled::waiting(&pool);
        assert_eq!(pool.stats().requeued, 1);
        let closing = Arc::clone(&pool);
        let closed = in_thread(move || match stop {
            true => closing.stop(),
            false => closing.release(),
        });
        closed.wait_while_running(&executor);
        assert_eq!(log.take().len(), usize::from(!stop));
        assert_eq!(pool.stats().reserved, 0, "a closed pool keeps none");
        let rejected = used.submit(log.job("late")).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        drop((rejected, unused));
        assert_eq!((task.wakes(), pool.stats().reserved), (1, 0));
    }
}

/// P1: a pool whose last task has its place, or has given up, is idle, and says so to those who wait for that.
#[test]
fn waiting_until_the_pool_is_idle_ends_with_the_last_task() {
    for how in 0..4 {
        let executor = ScriptedExecutor::new();
        let pool = executor.pool(1, 0);
        let kept = Polled::ready(&pool);
        let task = Polled::waiting(&pool);
        let waiting = Arc::clone(&pool);
        let (started, starts) = channel();
        let idle = in_thread(move || {
            started.send(()).unwrap();
            waiting.wait_idle(Instant::now() + 2 * TIME_LIMIT)
        });
        starts.recv_timeout(TIME_LIMIT).unwrap();
        // It may not wait yet. Then it finds the pool idle, which is right as well.
        assert!(!pool.wait_idle(Instant::now() + Duration::from_millis(50)));
        match how {
            0 => drop(task),
            1 => drop(kept),
            2 => pool.resize(2).unwrap(),
            _ => pool.stop(),
        }
        assert!(idle.wait(), "{how}");
    }
}

/// P1: so it is with a thread that gives up.
#[test]
fn waiting_until_the_pool_is_idle_ends_with_a_thread_that_gives_up() {
    let executor = ScriptedExecutor::new();
    let limit = Overflow::BlockFor(Duration::from_millis(100));
    let pool = executor.pool_with(PoolOptions::new(1, 0).overflow(limit));
    let kept = Polled::ready(&pool);
    let blocked = submit_blocked(&pool, Job::new(|| {}));
    let waiting = Arc::clone(&pool);
    let idle = in_thread(move || waiting.wait_idle(Instant::now() + 2 * TIME_LIMIT));
    let rejected = blocked.wait().unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::TimedOut { .. }
    ));
    assert!(idle.wait());
    assert_eq!(counts(&pool).3, 1);
    drop(kept);
}

/// P2: a job with a place is not overtaken when the limit of workers is lowered.
#[test]
fn a_job_that_lost_its_worker_comes_before_those_that_wait() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(2, 0);
    pool.submit(log.job("runs")).unwrap();
    let kept = Polled::ready(&pool);
    pool.resize(1).unwrap();
    pool.requeue(log.job("requeued")).unwrap();
    let task = Polled::waiting(&pool);
    kept.submit(log.job("kept")).unwrap();
    let stats = pool.stats();
    assert_eq!((stats.requeued, stats.waiting, stats.reserved), (1, 0, 0));
    executor.run_all();
    assert_eq!(log.take(), ["runs", "kept", "requeued"]);
    drop(task.granted());
    pool.release();
}

/// P8: tasks of a pool without workers do not wait for ever, whatever the executor does.
#[test]
fn tasks_of_an_executor_that_fails_are_woken() {
    for behavior in [Behavior::Fail, Behavior::Panic, Behavior::Drop] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, 1);
        fill(&pool, &log, 2);
        let (task, blocked) = (
            Polled::waiting(&pool),
            submit_blocked(&pool, log.job("thread")),
        );
        let last = Polled::waiting(&pool);
        executor.set_behavior(behavior);
        match behavior {
            Behavior::Drop => drop(executor.take_permits()),
            _ => run_one(&executor),
        }
        wait_until("the first task is woken", || task.wakes() > 0);
        let place = task.granted();
        executor.set_behavior(Behavior::Keep);
        // Those that wait behind it go on as well.
        drop(place);
        let submitted = in_thread(move || blocked.wait()).wait_while_running(&executor);
        wait_until("the last task is woken", || last.wakes() > 0);
        assert!(
            submitted.is_ok() || behavior == Behavior::Drop,
            "{behavior:?}"
        );
        drop(last);
        assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
    }
}

/// A2: what a task was polled with last wakes it, from whatever thread, and only once. A place keeps no pool alive.
#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, 0);
    let kept = Polled::ready(&pool);
    let mut task = Polled::waiting(&pool);
    let former = std::mem::take(&mut task.wakes);
    let mut task = in_thread(move || {
        assert!(task.poll().is_pending());
        task
    })
    .wait();
    drop(kept);
    let wakes = (former.0.load(Ordering::SeqCst), task.wakes());
    assert_eq!((wakes, Arc::strong_count(&former)), ((0, 1), 1));
    let Poll::Ready(Ok(place)) = task.poll() else {
        panic!("it has a place");
    };
    drop(task);
    let shared = Arc::downgrade(&pool);
    drop(pool);
    assert!(shared.upgrade().is_none());
    in_thread(move || {
        let rejected = place.submit(Job::new(|| {})).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    })
    .wait();
}

/// A2, P5: a pool whose last handle is dropped ends the wait of its tasks, and what comes later is rejected.
#[test]
fn tasks_of_a_pool_that_is_dropped_are_rejected() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, 0);
    let kept = Polled::ready(&pool);
    let (mut waits, mut unpolled) = (Polled::waiting(&pool), Polled::new(&pool));
    let never_polled_again = Polled::waiting(&pool);
    drop(Arc::into_inner(pool).expect("it is the last handle"));
    assert_eq!((waits.wakes(), never_polled_again.wakes()), (1, 1));
    for task in [&mut waits, &mut unpolled] {
        let Poll::Ready(Err(SubmitErrorReason::Closed)) = task.poll() else {
            panic!("the pool is closed");
        };
    }
    drop((never_polled_again, kept));
}
