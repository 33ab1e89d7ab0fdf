//! Tasks that wait for a place, without a thread.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Latch, Order, TIMEOUT, assert_at_rest, in_time, until};
use crate::polled::{Polled, builder};
use soiree_pool::{Job, Overflow, Pool, SubmitErrorReason, WorkerPool};

/// Lets the idle timeout of the workers pass. Something waits, so the pool is not idle.
fn let_time_pass(pool: &WorkerPool) {
    assert!(!pool.wait_idle(Instant::now() + Duration::from_millis(50)));
}

/// P2: an idle worker that is kept for a job to come does not leave while others wait, or nobody would give them a place.
#[test]
fn a_worker_that_is_kept_stays_while_others_wait() {
    let pool = builder(1, 0).idle_timeout(Duration::from_millis(1));
    let pool = Arc::new(pool.build().unwrap());
    let (kept, order) = (Polled::ready(&pool), Order::default());
    let submitted = {
        let (pool, job) = (Arc::clone(&pool), order.job(0));
        thread::spawn(move || pool.submit(job))
    };
    until("it is blocked", || pool.stats().blocked == 1);
    let task = Polled::waiting(&pool);
    let_time_pass(&pool);
    drop(kept);
    in_time("submitting", move || submitted.join().unwrap()).unwrap();
    until("the task is woken", || task.wakes() > 0);
    task.granted().submit(order.job(1)).unwrap();
    until("both have run", || order.ran() == [0, 1]);
    until("the worker leaves at last", || pool.stats().running == 0);
    pool.release();
    assert_at_rest(&pool);
}

/// P5: a release runs what was accepted although every worker is kept for jobs to come.
#[test]
fn a_release_takes_back_workers_that_are_kept() {
    for stop in [false, true] {
        let pool = Arc::new(builder(1, 0).build().unwrap());
        let (kept, order) = (Polled::ready(&pool), Order::default());
        pool.requeue(order.job(0)).unwrap();
        assert_eq!((pool.stats().requeued, pool.stats().reserved), (1, 1));
        let closing = Arc::clone(&pool);
        in_time("closing", move || match stop {
            true => closing.stop(),
            false => closing.release(),
        });
        assert_eq!(order.ran().len(), usize::from(!stop));
        assert_eq!(pool.stats().reserved, 0, "a closed pool keeps none");
        let rejected = kept.submit(order.job(1)).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        assert_eq!(pool.stats().reserved, 0);
        until("its worker has left", || pool.stats().running == 0);
    }
}

/// P2: a higher limit gives a place to a task that waits next to a worker that is kept.
#[test]
fn a_higher_limit_gives_a_place_beside_one_that_is_kept() {
    let pool = builder(1, 0).build().unwrap();
    let kept = Polled::ready(&pool);
    let task = Polled::waiting(&pool);
    pool.resize(2).unwrap();
    let place = task.granted();
    assert_eq!((pool.stats().reserved, pool.stats().running), (2, 2));
    drop((kept, place));
    pool.release();
    assert_at_rest(&pool);
}

/// A2: a job whose worker has left is the first in line, and its place is not given twice.
#[test]
fn a_job_that_lost_its_worker_comes_before_those_that_wait() {
    let pool = builder(2, 0).build().unwrap();
    let kept = [(); 2].map(|()| Polled::ready(&pool));
    pool.resize(1).unwrap();
    until("a worker has left", || pool.stats().running == 1);
    let order = Order::default();
    let (latch, job) = Latch::job();
    let [first, second] = kept;
    pool.requeue(order.job(2)).unwrap();
    let task = Polled::waiting(&pool);
    first.submit(Job::new(job)).unwrap();
    latch.wait_running();
    second.submit(order.job(1)).unwrap();
    assert_eq!((pool.stats().requeued, pool.stats().reserved), (2, 0));
    latch.open();
    until("the task is woken", || task.wakes() > 0);
    assert_eq!(order.ran(), [1, 2]);
    drop(task.granted());
    pool.release();
    assert_at_rest(&pool);
}

/// A2, P8: tasks whose pool has lost its last worker start one themselves, and keep their places in line.
#[test]
fn tasks_without_a_worker_start_one_and_keep_their_order() {
    let (started, starts) = channel();
    let (answer, answers) = channel();
    let answers = Mutex::new(answers);
    let pool = builder(1, 0).spawn_handler(move |thread, body| {
        started.send(()).unwrap();
        match answers.lock().unwrap().recv_timeout(TIMEOUT).unwrap() {
            true => thread.spawn(body).map(drop),
            false => Err(io::Error::other("no threads")),
        }
    });
    let pool = Arc::new(pool.build().unwrap());
    let submitted = {
        let pool = Arc::clone(&pool);
        thread::spawn(move || pool.submit(|| {}))
    };
    starts.recv_timeout(TIMEOUT).unwrap();
    // The worker that is being started counts as idle.
    let kept = Polled::ready(&pool);
    let [mut first, mut second, mut third, gives_up] = [(); 4].map(|()| Polled::waiting(&pool));
    answer.send(false).unwrap();
    let rejected = submitted.join().unwrap().unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    for task in [&first, &second, &third, &gives_up] {
        assert!(task.wakes() > 0, "nobody else will start a worker");
    }
    // One that cannot start one either gives up, alone.
    answer.send(false).unwrap();
    let mut gives_up = gives_up;
    let Poll::Ready(Err(SubmitErrorReason::Spawn(_))) = gives_up.poll() else {
        panic!("there is no worker");
    };
    answer.send(true).unwrap();
    // Not in their order.
    assert!(second.poll().is_pending() && third.poll().is_pending());
    assert!(first.poll().is_pending());
    assert_eq!((pool.stats().running, pool.stats().blocked), (1, 3));
    let woken = |task: &Polled| task.wakes();
    let before = [woken(&first), woken(&second), woken(&third)];
    drop(kept);
    assert_eq!(
        [woken(&first), woken(&second), woken(&third)],
        [before[0] + 1, before[1], before[2]]
    );
    drop(first.granted());
    assert_eq!((woken(&second), woken(&third)), (before[1] + 1, before[2]));
    drop(second.granted());
    drop(third.granted());
    assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
    pool.release();
    assert_at_rest(&pool);
}

/// P8: a task that starts the worker itself is no longer counted as one that waits.
#[test]
fn a_task_that_starts_its_worker_does_not_wait_any_more() {
    let fails = Arc::new(AtomicBool::new(false));
    let (in_handler, go) = (Arc::clone(&fails), Arc::new(AtomicBool::new(false)));
    let may_go = Arc::clone(&go);
    let pool = builder(1, 0).spawn_handler(move |thread, body| {
        if !in_handler.swap(true, Ordering::SeqCst) {
            until("the task waits", || may_go.load(Ordering::SeqCst));
            return Err(io::Error::other("no threads"));
        }
        thread.spawn(body).map(drop)
    });
    let pool = Arc::new(pool.build().unwrap());
    let submitted = {
        let pool = Arc::clone(&pool);
        thread::spawn(move || pool.submit(|| {}))
    };
    until("it starts a worker", || fails.load(Ordering::SeqCst));
    let kept = Polled::ready(&pool);
    let waits = Polled::waiting(&pool);
    go.store(true, Ordering::SeqCst);
    assert!(submitted.join().unwrap().is_err());
    drop(kept);
    let place = waits.granted();
    let stats = pool.stats();
    assert_eq!((stats.blocked, stats.reserved, stats.running), (0, 1, 1));
    drop(place);
    pool.release();
    assert_at_rest(&pool);
}

/// P1: a pool whose last task has its place, or has given up, is idle, and says so to those who wait for that.
#[test]
fn waiting_until_the_pool_is_idle_ends_with_the_last_task() {
    for gives_up in [false, true] {
        let pool = Arc::new(builder(1, 0).build().unwrap());
        let (kept, task) = (Polled::ready(&pool), Polled::waiting(&pool));
        let (started, starts) = channel();
        let idle = {
            let pool = Arc::clone(&pool);
            move || {
                started.send(()).unwrap();
                pool.wait_idle(Instant::now() + 2 * TIMEOUT)
            }
        };
        let idle = thread::spawn(idle);
        starts.recv_timeout(TIMEOUT).unwrap();
        // It may not wait yet. Then it finds the pool idle, which is right as well.
        let_time_pass(&pool);
        let kept = match gives_up {
            true => {
                drop(task);
                Some(kept)
            }
            false => {
                drop(kept);
                Some(task.granted())
            }
        };
        assert!(in_time("waiting", move || idle.join().unwrap()));
        drop(kept);
        pool.release();
        assert_at_rest(&pool);
    }
}

/// A2: what a task was polled with last wakes it, from whatever thread, and only once.
#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let pool = Arc::new(builder(1, 0).build().unwrap());
    let kept = Polled::ready(&pool);
    let mut task = Polled::waiting(&pool);
    let former = std::mem::take(&mut task.wakes);
    let mut task = thread::spawn(move || {
        assert!(task.poll().is_pending());
        task
    })
    .join()
    .unwrap();
    drop(kept);
    let wakes = (former.0.load(Ordering::SeqCst), task.wakes());
    assert_eq!((wakes, Arc::strong_count(&former)), ((0, 1), 1));
    let Poll::Ready(Ok(place)) = task.poll() else {
        panic!("it has a place");
    };
    // Dropped on another thread, after the pool: it keeps nothing alive.
    let shared = Arc::downgrade(&pool);
    drop(pool);
    assert!(shared.upgrade().is_none());
    thread::spawn(move || drop((place, task))).join().unwrap();
}

/// A2, P5: a pool whose last handle is dropped ends the wait of its tasks, and what comes later is rejected.
#[test]
fn tasks_of_a_pool_that_is_dropped_are_rejected() {
    let pool = builder(1, 0).build().unwrap();
    let kept = Polled::ready(&pool);
    let (mut waits, mut unpolled) = (Polled::waiting(&pool), Polled::new(&pool));
    let granted_later = Polled::waiting(&pool);
    drop(pool);
    assert_eq!((waits.wakes(), granted_later.wakes()), (1, 1));
    for task in [&mut waits, &mut unpolled] {
        let Poll::Ready(Err(SubmitErrorReason::Closed)) = task.poll() else {
            panic!("the pool is closed");
        };
    }
    drop((granted_later, kept));
}

/// P2: tasks wait where the policy waits, and are rejected where it rejects; a time limit is left to those who have a timer.
#[test]
fn tasks_do_what_the_overflow_policy_says() {
    let limit = Duration::from_millis(7);
    for overflow in [
        Overflow::Block,
        Overflow::BlockFor(limit),
        Overflow::CallerRuns,
        Overflow::Reject,
        Overflow::DropOldest,
    ] {
        let pool = builder(1, 1).overflow(overflow).build().unwrap();
        let latch = Latch::block_worker(&pool);
        pool.submit(|| {}).unwrap();
        let mut task = Polled::new(&pool);
        let timeout = task.reserve.timeout();
        assert_eq!(timeout.is_some(), overflow == Overflow::BlockFor(limit));
        let waits = !matches!(overflow, Overflow::Reject | Overflow::DropOldest);
        match task.poll() {
            Poll::Pending => assert!(waits, "{overflow:?}"),
            Poll::Ready(Err(SubmitErrorReason::Full { capacity: 1 })) => assert!(!waits),
            other => panic!("{overflow:?}: {other:?}"),
        }
        assert_eq!(pool.stats().rejected, 0, "no job was rejected");
        drop(task);
        latch.open();
        pool.release();
        assert_eq!(pool.stats().successful, 2, "no job was dropped");
        assert_at_rest(&pool);
    }
}
