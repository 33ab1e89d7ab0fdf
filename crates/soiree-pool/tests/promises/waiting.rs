//! Waiting for a place in the queue: blocked submitters and requeued jobs.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Latch, Order, TIMEOUT, assert_at_rest, until};
use soiree_pool::{
    DrainTimeout, Job, JobId, JobOutcome, MAX_INLINE_DEPTH, Overflow, Pool, SubmitErrorReason,
    WorkerPool,
};

/// A pool with one worker, which is busy, and a full queue.
fn full_pool(capacity: usize, overflow: Overflow) -> (Arc<WorkerPool>, Latch) {
    let pool = WorkerPool::builder().max_workers(1).capacity(capacity);
    let pool = Arc::new(pool.overflow(overflow).build().unwrap());
    let latch = Latch::block_worker(&pool);
    for _ in 0..capacity {
        pool.submit(|| {}).unwrap();
    }
    (pool, latch)
}

/// P2: submitters that are blocked, and requeued jobs among them, get places in the order in which they began to wait.
#[test]
fn waiters_are_served_in_order() {
    for capacity in [0, 1, 3] {
        for overflow in [Overflow::Block, Overflow::BlockFor(TIMEOUT)] {
            let (pool, latch) = full_pool(capacity, overflow);
            let order = Order::default();
            thread::scope(|scope| {
                for number in 0..10 {
                    let (pool, job) = (&pool, order.job(number));
                    if number % 3 == 1 {
                        pool.requeue(job).unwrap();
                    } else {
                        scope.spawn(|| pool.submit(job).unwrap());
                    }
                    until("it waits", || {
                        pool.stats().blocked + pool.stats().requeued == number + 1
                    });
                }
                let stats = pool.stats();
                assert_eq!((stats.blocked, stats.requeued), (7, 3));
                assert_eq!(
                    (stats.waiting, stats.submitted),
                    (capacity, capacity as u64 + 1)
                );
                assert!(pool.try_submit(order.job(10)).is_err(), "it overtakes them");
                latch.open();
            });
            pool.release();
            assert_eq!(order.ran(), (0..10).collect::<Vec<_>>());
            assert_at_rest(&pool);
        }
    }
}

/// P2: a submitter that gives up takes back its own job, and leaves the others in their order.
#[test]
fn a_waiter_that_gives_up_changes_no_other_place() {
    let (pool, latch) = full_pool(1, Overflow::BlockFor(Duration::from_millis(1)));
    let order = Order::default();
    for number in 0..2 {
        pool.requeue(order.job(2 * number)).unwrap();
        let rejected = pool.submit(order.job(2 * number + 1)).unwrap_err();
        assert!(matches!(
            rejected.reason,
            SubmitErrorReason::TimedOut { .. }
        ));
    }
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (0, 2));
    latch.open();
    pool.release();
    assert_eq!(order.ran(), [0, 2]);
    assert_at_rest(&pool);
}

/// P3: whatever the policy, a full queue neither rejects nor runs nor replaces what is requeued, on a worker or not.
#[test]
fn requeued_work_waits_whatever_the_policy_says() {
    for overflow in [
        Overflow::Block,
        Overflow::BlockFor(Duration::ZERO),
        Overflow::Reject,
        Overflow::CallerRuns,
        Overflow::DropOldest,
    ] {
        for capacity in [0, 2] {
            let order = Order::default();
            let pool = WorkerPool::builder().max_workers(1).capacity(capacity);
            let pool = Arc::new(pool.overflow(overflow).build().unwrap());
            let (requeued, may_end) = channel();
            let (inner, in_job) = (Arc::clone(&pool), order.clone());
            let ended = pool.submit(move || {
                (0..4).for_each(|number| inner.requeue(in_job.job(number)).unwrap());
                requeued.send(()).unwrap();
            });
            ended.unwrap();
            may_end.recv_timeout(TIMEOUT).unwrap();
            pool.requeue(order.job(4)).unwrap();
            pool.release();
            assert_eq!(order.ran(), [0, 1, 2, 3, 4]);
            assert_eq!((pool.stats().submitted, pool.stats().rejected), (6, 0));
            assert_at_rest(&pool);
        }
    }
}

/// P2: with `DropOldest`, the place of the oldest job goes to the first waiter, and the new job waits behind the others.
#[test]
fn dropping_the_oldest_does_not_overtake_waiters() {
    let (pool, latch) = full_pool(2, Overflow::DropOldest);
    let order = Order::default();
    (0..2).for_each(|number| pool.requeue(order.job(number)).unwrap());
    (2..4).for_each(|number| pool.submit(order.job(number)).unwrap());
    let stats = pool.stats();
    assert_eq!((stats.discarded, stats.requeued, stats.waiting), (2, 2, 2));
    latch.open();
    pool.release();
    assert_eq!(order.ran(), [0, 1, 2, 3]);
    assert_eq!(pool.stats().submitted, 7);
    assert_at_rest(&pool);
}

/// P5: a release runs requeued jobs that wait, while a stop and a missed deadline discard them, and count them as submitted. Then
/// nothing is requeued any more.
#[test]
fn requeued_jobs_end_with_the_pool() {
    for how in ["release", "stop", "deadline"] {
        let (pool, latch) = full_pool(1, Overflow::Block);
        let order = Order::default();
        (0..3).for_each(|number| pool.requeue(order.job(number)).unwrap());
        match how {
            "release" => {
                let latch_opens = pool.clone();
                thread::scope(|scope| {
                    scope.spawn(|| pool.release());
                    until("it is closed", || latch_opens.is_closed());
                    latch.open();
                });
                assert_eq!(order.ran(), [0, 1, 2]);
                assert_eq!(pool.stats().discarded, 0);
            }
            "stop" => {
                pool.stop();
                latch.open();
            }
            _ => {
                let left = pool.release_with_deadline(Instant::now());
                assert_eq!(left, Err(DrainTimeout::new(1, 4)));
                latch.open();
            }
        }
        let rejected = pool.requeue(order.job(3)).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        pool.release();
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.rejected), (5, 1), "{how}");
        assert!(how == "release" || stats.discarded == 4, "{stats:?}");
        assert_at_rest(&pool);
    }
}

fn job_with_id(order: &Order, number: usize) -> (Job, Arc<usize>) {
    let id = Arc::new(number);
    let (kept, job) = (Arc::clone(&id), order.job(number));
    let job = Job::new(move || {
        drop(job.run());
        drop(kept);
    });
    (job.with_id(JobId::of(&id)), id)
}

/// P2, P3: a queued job that a thread runs before its turn leaves its place to the first waiter at once, is counted as a job that
/// ran, and does not run again. So is one that still waits for a place.
#[test]
fn a_queued_job_may_run_before_its_turn() {
    let pool = WorkerPool::new(1, 1).unwrap();
    let latch = Latch::block_worker(&pool);
    let order = Order::default();
    let (jobs, ids): (Vec<Job>, Vec<_>) = (0..4).map(|number| job_with_id(&order, number)).unzip();
    for job in jobs {
        pool.requeue(job).unwrap();
    }
    let counts = || {
        let stats = pool.stats();
        (stats.successful, stats.waiting, stats.requeued)
    };
    assert_eq!(counts(), (0, 1, 3));
    assert!(pool.run_queued(JobId::of(&ids[2])), "it waits for a place");
    assert_eq!(counts(), (1, 1, 2));
    assert!(pool.run_queued(JobId::of(&ids[0])), "it is queued");
    assert_eq!(counts(), (2, 1, 1));
    assert!(!pool.run_queued(JobId::of(&ids[0])), "it has run");
    latch.open();
    pool.release();
    assert_eq!(order.ran(), [2, 0, 1, 3]);
    assert_eq!((pool.stats().successful, pool.stats().discarded), (5, 0));
    assert_at_rest(&pool);
}

/// P2: the place of a job that ran before its turn is free for the next submitter, though the worker is busy.
#[test]
fn a_job_that_ran_before_its_turn_leaves_its_place() {
    let pool = WorkerPool::builder().max_workers(1).capacity(1);
    let pool = pool.overflow(Overflow::Reject).build().unwrap();
    let latch = Latch::block_worker(&pool);
    let order = Order::default();
    for number in 0..6 {
        let (job, id) = job_with_id(&order, number);
        pool.submit(job).unwrap();
        assert!(pool.submit(|| {}).is_err(), "there is one place");
        assert!(pool.run_queued(JobId::of(&id)));
    }
    assert_eq!(order.ran(), [0, 1, 2, 3, 4, 5]);
    assert_eq!((pool.stats().successful, pool.stats().discarded), (6, 0));
    latch.open();
    pool.release();
    assert_at_rest(&pool);
}

/// P4: beyond the depth of inline jobs, a job stays in the queue.
#[test]
fn a_queued_job_is_not_run_too_deep_inside_others() {
    fn nest(pool: &Arc<WorkerPool>, depth: usize, ran: Sender<(usize, bool)>) {
        let id = Arc::new(());
        let (inner, inner_ran, kept) = (Arc::clone(pool), ran.clone(), Arc::clone(&id));
        let job = Job::new(move || {
            let _kept = kept;
            if depth < MAX_INLINE_DEPTH {
                nest(&inner, depth + 1, inner_ran);
            }
        });
        pool.requeue(job.with_id(JobId::of(&id))).unwrap();
        ran.send((depth, pool.run_queued(JobId::of(&id)))).unwrap();
    }
    let pool = Arc::new(WorkerPool::new(1, 100).unwrap());
    let (sender, ran) = channel();
    let inner = Arc::clone(&pool);
    pool.submit_and_wait(move || nest(&inner, 0, sender))
        .unwrap();
    pool.release();
    let ran: Vec<(usize, bool)> = ran.iter().collect();
    let expected = (0..=MAX_INLINE_DEPTH).rev();
    let expected: Vec<_> = expected
        .map(|depth| (depth, depth < MAX_INLINE_DEPTH))
        .collect();
    assert_eq!(ran, expected);
    assert_eq!(pool.stats().successful as usize, MAX_INLINE_DEPTH + 2);
}

/// P5: a stop may return what it would drop, oldest first; it counts as discarded all the same.
#[test]
fn a_stop_may_return_the_jobs_that_wait() {
    let (pool, latch) = full_pool(0, Overflow::Block);
    let order = Order::default();
    pool.resize(2).unwrap();
    let other = Latch::block_worker(&pool);
    (0..3).for_each(|number| pool.requeue(order.job(number)).unwrap());
    let (pool, blocked) = thread::scope(|scope| {
        let blocked = scope.spawn(|| pool.submit(order.job(3)));
        until("it is blocked", || pool.stats().blocked == 1);
        let jobs = pool.stop_and_take_jobs();
        assert_eq!((jobs.len(), pool.stats().discarded), (3, 3));
        for job in jobs {
            assert!(matches!(job.run(), JobOutcome::Completed));
        }
        (&pool, blocked.join().unwrap())
    });
    assert!(matches!(
        blocked.unwrap_err().reason,
        SubmitErrorReason::Closed
    ));
    assert_eq!(order.ran(), [0, 1, 2]);
    assert!(pool.stop_and_take_jobs().is_empty());
    latch.open();
    other.open();
    pool.release();
    assert_eq!((pool.stats().submitted, pool.stats().successful), (5, 2));
    assert_at_rest(pool);
}

/// P1: the peaks are the largest numbers of workers and of waiting jobs so far, and never above the limits.
#[test]
fn peaks_stay_where_they_were() {
    let pool = WorkerPool::builder().max_workers(3).capacity(2);
    let pool = pool.idle_timeout(Duration::from_nanos(1)).build().unwrap();
    let peaks = || (pool.stats().peak_running, pool.stats().peak_waiting);
    assert_eq!(peaks(), (0, 0));
    let latches: Vec<Latch> = (0..2).map(|_| Latch::block_worker(&pool)).collect();
    assert_eq!(peaks().0, 2);
    pool.resize(2).unwrap();
    for _ in 0..3 {
        let _ = pool.try_submit(|| {});
    }
    assert_eq!(peaks(), (2, 2));
    latches.into_iter().for_each(Latch::open);
    until("the workers have exited", || pool.running() == 0);
    assert_eq!(peaks(), (2, 2));

    let pool = WorkerPool::new(1, 0).unwrap();
    pool.submit_and_wait(|| {}).unwrap();
    assert_eq!(pool.stats().peak_waiting, 0, "no job may wait");
}
