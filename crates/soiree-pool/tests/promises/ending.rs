//! Stopping, releasing, deadlines, dropping the pool, and running jobs inline.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Latch, TIMEOUT, assert_at_rest, until};
use soiree_pool::{
    DrainTimeout, Job, MAX_INLINE_DEPTH, Overflow, Pool, SubmitErrorReason, WaitError, WorkerPool,
};

/// P5: a release runs all queued jobs, and may be repeated.
#[test]
fn release_runs_everything_queued_first() {
    let pool = WorkerPool::new(2, 100).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let ran = Arc::clone(&ran);
        pool.submit(move || {
            ran.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    }
    pool.release();
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 100);
    let rejected = pool.submit(|| {}).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    assert_at_rest(&pool);
}

/// P5: a stop discards the waiting jobs and lets the running one end.
#[test]
fn stop_discards_exactly_what_had_not_started() {
    let pool = WorkerPool::new(1, 10).unwrap();
    let latch = Latch::block_worker(&pool);
    for _ in 0..10 {
        pool.submit(|| panic!("a discarded job does not run"))
            .unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| pool.stop());
        }
    });
    assert_eq!((pool.stats().discarded, pool.stats().active), (10, 1));
    latch.open();
    pool.release();
    assert_eq!((pool.stats().successful, pool.stats().failed), (1, 0));
    assert_at_rest(&pool);
}

/// P5: at the deadline, a release returns how many jobs run and how many it discarded.
#[test]
fn a_deadline_says_what_was_left() {
    let pool = WorkerPool::new(1, 10).unwrap();
    let latch = Latch::block_worker(&pool);
    for _ in 0..3 {
        pool.submit(|| {}).unwrap();
    }
    assert_eq!(
        pool.release_with_deadline(Instant::now()),
        Err(DrainTimeout::new(1, 3))
    );
    assert!(pool.stats().is_balanced());
    assert_eq!(
        pool.stop_and_wait_for(Duration::ZERO),
        Err(DrainTimeout::new(1, 0))
    );
    latch.open();
    pool.release();
    assert_eq!(pool.release_with_deadline(Instant::now()), Ok(()));
    assert_eq!((pool.stats().successful, pool.stats().discarded), (1, 3));
    assert_at_rest(&pool);
}

/// P5: blocked submitters wake up and get their job back.
#[test]
fn blocked_submitters_wake_when_the_pool_stops() {
    for capacity in [0, 1] {
        let pool = WorkerPool::new(1, capacity).unwrap();
        let latch = Latch::block_worker(&pool);
        for _ in 0..capacity {
            pool.submit(|| {}).unwrap();
        }
        let ran = AtomicUsize::new(0);
        let starting = Barrier::new(5);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    starting.wait();
                    let rejected = pool.submit(|| {}).unwrap_err();
                    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
                    drop(rejected.into_job().run());
                    ran.fetch_add(1, Ordering::SeqCst);
                });
            }
            starting.wait();
            pool.stop();
        });
        assert_eq!(ran.load(Ordering::SeqCst), 4);
        latch.open();
        pool.release();
        assert_eq!(pool.stats().rejected, 4);
        assert_at_rest(&pool);
    }
}

/// P3, P5: every job that races a stop or a release is run, discarded or rejected, and counted accordingly.
#[test]
fn jobs_that_race_the_end_are_accounted_for_exactly() {
    for round in 0..200 {
        let pool = WorkerPool::new(2, round % 3).unwrap();
        let (ran, accepted, rejected) = (
            Arc::new(AtomicUsize::new(0)),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        let starting = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    starting.wait();
                    for _ in 0..20 {
                        let ran = Arc::clone(&ran);
                        let result = pool.submit(move || {
                            ran.fetch_add(1, Ordering::SeqCst);
                        });
                        let count = if result.is_ok() { &accepted } else { &rejected };
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            starting.wait();
            thread::yield_now();
            if round % 2 == 0 {
                pool.stop()
            } else {
                pool.release()
            }
        });
        pool.release();
        let stats = pool.stats();
        assert_eq!(stats.submitted, accepted.load(Ordering::SeqCst) as u64);
        assert_eq!(stats.rejected, rejected.load(Ordering::SeqCst) as u64);
        assert_eq!(stats.successful, ran.load(Ordering::SeqCst) as u64);
        assert_eq!(stats.submitted + stats.rejected, 60);
        assert_at_rest(&pool);
    }
}

/// P5: a stop or a release inside a job does not wait for the worker that runs this job.
#[test]
fn a_job_may_stop_and_release_its_own_pool() {
    let pool = Arc::new(WorkerPool::new(2, 10).unwrap());
    let both = Arc::new(Barrier::new(2));
    for _ in 0..2 {
        let (inner, both) = (Arc::clone(&pool), Arc::clone(&both));
        pool.submit(move || {
            both.wait();
            inner.release();
            inner.stop();
            let rejected = inner.submit(|| {}).unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        })
        .unwrap();
    }
    pool.release();
    assert_eq!((pool.stats().successful, pool.stats().rejected), (2, 2));
    assert_at_rest(&pool);
}

/// P5: accepted jobs still run after the pool was dropped, even if a worker dropped it.
#[test]
fn dropping_the_pool_runs_what_was_accepted() {
    let (sender, ran) = channel();
    let pool = WorkerPool::new(1, 100).unwrap();
    let latch = Latch::block_worker(&pool);
    for number in 0..10 {
        let sender = sender.clone();
        pool.submit(move || sender.send(number).unwrap()).unwrap();
    }
    drop(sender);
    drop(pool);
    latch.open();
    assert_eq!(ran.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());

    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let (give, given) = channel::<Arc<WorkerPool>>();
    let (sender, dropped) = channel();
    pool.submit(move || {
        drop(given.recv().unwrap());
        sender.send(()).unwrap();
    })
    .unwrap();
    give.send(pool).unwrap();
    dropped.recv_timeout(TIMEOUT).unwrap();
}

/// P5: each missed deadline reports the running jobs even if none wait, to a caller inside a job as well.
#[test]
fn jobs_that_run_past_the_deadline_are_reported_though_nothing_was_discarded() {
    let pool = Arc::new(WorkerPool::new(2, 2).unwrap());
    let busy = Latch::block_worker(&pool);
    let (sender, results) = channel();
    let own = Arc::clone(&pool);
    pool.submit(move || {
        for _ in 0..3 {
            sender
                .send(own.release_with_deadline(Instant::now()))
                .expect("the test receives");
        }
    })
    .unwrap();
    for _ in 0..3 {
        let left = results.recv_timeout(TIMEOUT).unwrap().unwrap_err();
        assert_eq!((left.active, left.discarded), (1, 0));
    }
    until("one worker is left", || pool.running() == 1);
    let left = pool.release_with_deadline(Instant::now()).unwrap_err();
    assert_eq!((left.active, left.discarded), (1, 0));
    busy.open();
    pool.release();
    assert_at_rest(&pool);
}

/// P5: dropping the pool wakes all idle workers, including those that `min_workers` keeps, and they exit.
#[test]
fn the_threads_of_a_dropped_pool_end() {
    let (sender, ended) = channel();
    let pool = WorkerPool::builder()
        .min_workers(1)
        .max_workers(1)
        .spawn_handler(move |thread, body| {
            let sender = sender.clone();
            let body = move || {
                body();
                sender.send(()).expect("the test receives");
            };
            thread.spawn(body).map(drop)
        })
        .build()
        .unwrap();
    pool.submit_and_wait(|| {}).unwrap();
    until("the worker is idle", || pool.idle_workers() == 1);
    drop(pool);
    ended.recv_timeout(TIMEOUT).expect("the worker ends");
}

/// P4: inside a job of a full pool, jobs run inline up to `MAX_INLINE_DEPTH`; the next one is rejected.
#[test]
fn submitting_from_a_worker_of_a_full_pool_runs_inline_to_the_stated_depth() {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let deepest = Arc::new(AtomicUsize::new(0));
    let rejected = Arc::new(AtomicUsize::new(0));
    fn nest(
        pool: &Arc<WorkerPool>,
        depth: usize,
        deepest: &Arc<AtomicUsize>,
        rejected: &Arc<AtomicUsize>,
    ) {
        deepest.fetch_max(depth, Ordering::SeqCst);
        let (inner, d, r) = (Arc::clone(pool), Arc::clone(deepest), Arc::clone(rejected));
        if let Err(error) = pool.submit(move || nest(&inner, depth + 1, &d, &r)) {
            assert!(matches!(
                error.reason,
                SubmitErrorReason::RecursionLimit { .. }
            ));
            rejected.fetch_add(1, Ordering::SeqCst);
            drop(error);
        }
    }
    let (inner, d, r) = (
        Arc::clone(&pool),
        Arc::clone(&deepest),
        Arc::clone(&rejected),
    );
    pool.submit(move || {
        inner.submit(|| {}).unwrap();
        nest(&inner, 0, &d, &r);
    })
    .unwrap();
    until("it has ended", || {
        pool.stats().successful == 2 + MAX_INLINE_DEPTH as u64
    });
    assert_eq!(deepest.load(Ordering::SeqCst), MAX_INLINE_DEPTH);
    assert_eq!(rejected.load(Ordering::SeqCst), 1);
    pool.release();
    assert_at_rest(&pool);
}

/// P4: under no policy does a worker wait for itself.
#[test]
fn no_policy_makes_a_worker_of_a_full_pool_wait() {
    for overflow in [
        Overflow::Block,
        Overflow::BlockFor(TIMEOUT * 60),
        Overflow::CallerRuns,
    ] {
        let pool = WorkerPool::builder()
            .max_workers(1)
            .capacity(1)
            .overflow(overflow);
        let pool = Arc::new(pool.build().unwrap());
        let (sender, done) = channel();
        let inner = Arc::clone(&pool);
        pool.submit(move || {
            inner.submit(|| {}).unwrap();
            let (ran, inline) = channel();
            inner.submit(move || ran.send(()).unwrap()).unwrap();
            sender.send(inline.try_recv().is_ok()).unwrap();
        })
        .unwrap();
        assert_eq!(done.recv_timeout(TIMEOUT), Ok(true), "{overflow:?}");
        pool.release();
        assert_eq!(pool.stats().successful, 3);
        assert_at_rest(&pool);
    }
}

/// P4: a job that waits for other jobs of its pool runs them inline.
#[test]
fn waiting_for_a_job_on_a_worker_runs_it_inline() {
    let pool = Arc::new(WorkerPool::new(1, 10).unwrap());
    let inner = Arc::clone(&pool);
    pool.submit_and_wait(move || {
        assert!(inner.on_worker());
        inner.submit_and_wait(|| {}).unwrap();
        inner
            .submit_all_and_wait(vec![Job::new(|| {}), Job::new(|| {})])
            .unwrap();
    })
    .unwrap();
    assert!(!pool.on_worker());
    pool.release();
    assert_eq!(pool.stats().successful, 4);
    assert_at_rest(&pool);
}

/// P6: a job that starts after its deadline is dropped and counted as expired.
#[test]
fn a_job_that_cannot_start_in_time_expires() {
    let pool = WorkerPool::new(1, 10).unwrap();
    let now = Instant::now();
    pool.submit_before(|| panic!("too late to run"), now)
        .unwrap();
    pool.submit_before(|| {}, now + TIMEOUT).unwrap();
    pool.release();
    let stats = pool.stats();
    assert_eq!(
        (stats.submitted, stats.expired, stats.successful),
        (2, 1, 1)
    );
    assert_at_rest(&pool);
}

/// P5: a thread that waits for a job wakes up when the job is discarded.
#[test]
fn a_waiter_wakes_when_its_job_is_discarded() {
    let pool = WorkerPool::new(1, 10).unwrap();
    let latch = Latch::block_worker(&pool);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.submit_and_wait(|| {}));
        until("the job waits", || pool.stats().waiting == 1);
        pool.stop();
        assert!(matches!(waiter.join().unwrap(), Err(WaitError::Discarded)));
    });
    latch.open();
}

/// P5: a thread that runs a job inline is no worker, so its release waits for all workers.
#[test]
fn a_release_from_a_job_that_runs_inline_elsewhere_waits_for_the_workers() {
    let pool = Arc::new(
        WorkerPool::builder()
            .max_workers(1)
            .capacity(0)
            .overflow(Overflow::CallerRuns)
            .build()
            .unwrap(),
    );
    let latch = Latch::block_worker(&pool);
    let inner = Arc::clone(&pool);
    pool.submit(move || {
        assert_eq!(
            inner.release_with_deadline(Instant::now()),
            Err(DrainTimeout::new(1, 0))
        );
        latch.open();
        inner.release();
        assert_eq!(inner.running(), 0);
    })
    .unwrap();
    assert_eq!(pool.stats().failed, 0);
    assert_at_rest(&pool);
}
