//! Limits: workers, queue, overflow, resizing, growth.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{Latch, TIMEOUT, assert_at_rest, until};
use soiree_pool::{
    Balanced, Lazy, Load, Overflow, Pool, ResizeError, SubmitErrorReason, WorkerPool,
};

/// P2: the worker limit holds while it changes.
#[test]
fn no_more_jobs_run_at_once_than_there_may_be_workers_while_the_limit_changes() {
    let pool = Arc::new(WorkerPool::new(4, 16).unwrap());
    let limit = Arc::new(Mutex::new(4_usize));
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                    pool.submit(move || {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    })
                    .unwrap();
                }
            });
        }
        scope.spawn(|| {
            for step in 0..300 {
                let max = [1, 3, 2, 4][step % 4];
                *limit.lock().unwrap() = max;
                pool.resize(max).unwrap();
                thread::yield_now();
            }
        });
    });
    pool.release();
    assert!(most.load(Ordering::SeqCst) <= 4);
    assert_eq!(pool.stats().successful, 6_000);
    assert_at_rest(&pool);
}

/// P2, P3: workers above the new limit leave the queued jobs to the workers that stay.
#[test]
fn a_pool_resized_down_to_one_runs_one_job_at_once() {
    let pool = WorkerPool::new(4, 100).unwrap();
    let latches: Vec<Latch> = (0..4).map(|_| Latch::block_worker(&pool)).collect();
    pool.resize(1).unwrap();
    let running = Arc::new(AtomicUsize::new(0));
    let overlapped = Arc::new(AtomicBool::new(false));
    for _ in 0..100 {
        let (running, overlapped) = (Arc::clone(&running), Arc::clone(&overlapped));
        pool.submit(move || {
            overlapped.fetch_or(running.fetch_add(1, Ordering::SeqCst) > 0, Ordering::SeqCst);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
        })
        .unwrap();
    }
    latches.into_iter().for_each(Latch::open);
    until("all jobs have run", || pool.stats().successful == 104);
    until("three workers have exited", || pool.running() == 1);
    assert!(!overlapped.load(Ordering::SeqCst));
    pool.resize(2).unwrap();
    let two = [Latch::block_worker(&pool), Latch::block_worker(&pool)];
    assert_eq!(pool.stats().active, 2);
    two.into_iter().for_each(Latch::open);
    pool.release();
    assert_at_rest(&pool);
}

/// P2: with `Block`, a submitter waits while the queue is full.
#[test]
fn a_full_queue_holds_the_submitter_back_until_there_is_a_place() {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let latch = Latch::block_worker(&pool);
    pool.submit(|| {}).unwrap();
    let full = pool.try_submit(|| {}).unwrap_err();
    assert!(matches!(
        full.reason,
        SubmitErrorReason::Full { capacity: 1 }
    ));
    let (sender, submitted) = channel();
    let submitter = {
        let pool = Arc::clone(&pool);
        thread::spawn(move || {
            pool.submit(|| {}).unwrap();
            sender.send(()).unwrap();
        })
    };
    assert!(submitted.try_recv().is_err());
    assert_eq!(pool.stats().waiting, 1);
    latch.open();
    submitted.recv_timeout(TIMEOUT).unwrap();
    submitter.join().unwrap();
    pool.release();
    assert_eq!((pool.stats().successful, pool.stats().rejected), (3, 1));
    assert_at_rest(&pool);
}

/// P2: with a capacity of 0, a job is accepted only if a worker takes it at once.
#[test]
fn a_queue_of_capacity_0_hands_jobs_over_directly() {
    let pool = WorkerPool::new(2, 0).unwrap();
    let first = Latch::block_worker(&pool);
    let (second, job) = Latch::job();
    pool.try_submit(job).unwrap();
    second.wait_running();
    assert_eq!((pool.stats().waiting, pool.stats().active), (0, 2));
    let ran = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ran);
    let rejected = pool
        .try_submit(move || seen.store(true, Ordering::SeqCst))
        .unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::Full { capacity: 0 }
    ));
    drop(rejected.into_job().run());
    assert!(
        ran.load(Ordering::SeqCst),
        "the rejected job comes back usable"
    );
    first.open();
    second.open();
    for _ in 0..100 {
        pool.submit(|| {}).unwrap();
        assert_eq!(pool.stats().waiting, 0);
    }
    pool.release();
    assert_eq!(pool.stats().successful, 102);
    assert_at_rest(&pool);
}

/// P2: `DropOldest` discards the oldest waiting job.
#[test]
fn drop_oldest_drops_exactly_the_oldest() {
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(2)
        .overflow(Overflow::DropOldest)
        .build()
        .unwrap();
    let latch = Latch::block_worker(&pool);
    let ran = Arc::new(Mutex::new(Vec::new()));
    for number in 0..5 {
        let ran = Arc::clone(&ran);
        pool.submit(move || ran.lock().unwrap().push(number))
            .unwrap();
    }
    latch.open();
    pool.release();
    assert_eq!(*ran.lock().unwrap(), [3, 4]);
    assert_eq!((pool.stats().discarded, pool.stats().successful), (3, 3));
    assert_at_rest(&pool);
}

/// P2: with `CallerRuns`, the submitter runs the job itself.
#[test]
fn caller_runs_runs_on_the_caller() {
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(0)
        .overflow(Overflow::CallerRuns)
        .build()
        .unwrap();
    let latch = Latch::block_worker(&pool);
    let (sender, ran_on) = channel();
    pool.submit(move || sender.send(thread::current().id()).unwrap())
        .unwrap();
    assert_eq!(ran_on.try_recv().unwrap(), thread::current().id());
    latch.open();
    pool.release();
    assert_eq!(pool.stats().successful, 2);
    assert_at_rest(&pool);
}

/// P2: `Reject` and `BlockFor` return the job, and it is counted as rejected.
#[test]
fn reject_and_block_for_return_an_error_and_count_it() {
    for overflow in [
        Overflow::Reject,
        Overflow::BlockFor(Duration::from_millis(1)),
    ] {
        let pool = WorkerPool::builder()
            .max_workers(1)
            .capacity(1)
            .overflow(overflow)
            .build()
            .unwrap();
        let latch = Latch::block_worker(&pool);
        pool.submit(|| {}).unwrap();
        let rejected = pool.submit(|| {}).unwrap_err();
        match overflow {
            Overflow::Reject => {
                assert!(matches!(
                    rejected.reason,
                    SubmitErrorReason::Full { capacity: 1 }
                ));
            }
            _ => assert!(matches!(
                rejected.reason,
                SubmitErrorReason::TimedOut { .. }
            )),
        }
        latch.open();
        pool.release();
        let stats = pool.stats();
        assert_eq!(
            (stats.submitted, stats.rejected, stats.successful),
            (2, 1, 2)
        );
        assert_at_rest(&pool);
    }
}

/// P7: idle workers exit after the timeout, down to `min_workers`.
#[test]
fn idle_workers_above_the_minimum_leave() {
    let pool = WorkerPool::builder()
        .min_workers(1)
        .max_workers(3)
        .idle_timeout(Duration::from_millis(1))
        .build()
        .unwrap();
    let latches: Vec<Latch> = (0..3).map(|_| Latch::block_worker(&pool)).collect();
    assert_eq!(pool.running(), 3);
    latches.into_iter().for_each(Latch::open);
    until("two have exited", || pool.running() == 1);
    pool.submit_and_wait(|| {}).unwrap();
    pool.release();
    assert_at_rest(&pool);
}

/// P3, P7: a job that is submitted while the last worker exits still runs.
#[test]
fn no_job_is_stranded_while_the_last_worker_leaves() {
    for capacity in [0, 1, 8] {
        let pool = WorkerPool::builder()
            .max_workers(1)
            .capacity(capacity)
            .idle_timeout(Duration::from_nanos(1))
            .build()
            .unwrap();
        for _ in 0..1_000 {
            pool.submit_and_wait(|| {}).unwrap();
        }
        pool.release();
        assert_eq!(pool.stats().successful, 1_000);
        assert_at_rest(&pool);
    }
}

/// P2: strategies decide how many workers there are between one and the limit.
#[test]
fn strategies_start_workers_as_they_say() {
    let grown_to = |pool: &WorkerPool, jobs: usize| {
        let latch = Latch::block_worker(pool);
        for _ in 0..jobs {
            pool.submit(|| {}).unwrap();
        }
        let running = pool.running();
        latch.open();
        running
    };
    let lazy = WorkerPool::builder()
        .max_workers(2)
        .capacity(4)
        .strategy(Lazy)
        .build()
        .unwrap();
    assert_eq!(
        grown_to(&lazy, 4),
        1,
        "the queue is full, but no job is left over"
    );
    lazy.release();
    let lazy = WorkerPool::builder()
        .max_workers(2)
        .capacity(4)
        .strategy(Lazy)
        .build()
        .unwrap();
    assert_eq!(grown_to(&lazy, 5), 2, "a full queue starts another worker");
    let balanced = WorkerPool::builder()
        .max_workers(2)
        .capacity(9)
        .strategy(Balanced)
        .build()
        .unwrap();
    assert_eq!(grown_to(&balanced, 1), 1);
    balanced.release();
    let capacity = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&capacity);
    let never = move |load: &Load| {
        assert!(load.workers < 2, "a strategy that panics starts no worker");
        seen.store(load.capacity, Ordering::SeqCst);
        false
    };
    let custom = WorkerPool::builder()
        .max_workers(3)
        .capacity(9)
        .strategy(never)
        .build()
        .unwrap();
    assert_eq!(grown_to(&custom, 5), 1);
    assert_eq!(capacity.load(Ordering::SeqCst), 9);
    custom.release();
    assert_at_rest(&custom);
}

/// P2: an invalid limit is an error and changes nothing.
#[test]
fn an_invalid_resize_is_rejected() {
    let pool = WorkerPool::builder()
        .min_workers(2)
        .max_workers(4)
        .build()
        .unwrap();
    assert_eq!(pool.resize(0), Err(ResizeError::NoWorkers));
    assert_eq!(
        pool.resize(1),
        Err(ResizeError::BelowMin { max: 1, min: 2 })
    );
    assert_eq!(pool.stats().max_workers, 4);
    assert_eq!(pool.resize(2), Ok(()));
    assert_eq!(pool.stats().max_workers, 2);
}

/// P2: `build` returns an error that names the invalid option and its value.
#[test]
fn the_builder_rejects_invalid_options() {
    let builder = WorkerPool::builder;
    let message =
        |builder: soiree_pool::WorkerPoolBuilder| builder.build().unwrap_err().to_string();
    assert!(message(builder().max_workers(0)).contains("max_workers is 0"));
    assert!(message(builder().min_workers(3).max_workers(2)).contains("min_workers is 3"));
    assert!(message(builder().idle_timeout(Duration::ZERO)).contains("idle_timeout is 0"));
    assert!(message(builder().name("a\0b")).contains("at byte 1"));
    assert!(message(builder().capacity(usize::MAX)).contains(&usize::MAX.to_string()));
}

/// P2: a capacity that cannot be allocated is an error; allocating the queue later would abort the process.
#[test]
#[cfg(target_os = "linux")]
fn a_capacity_that_cannot_be_allocated_is_rejected() {
    const LIMITED: &str = "SOIREE_POOL_LIMITED";
    let largest = soiree_pool::MAX_CAPACITY;
    if std::env::var_os(LIMITED).is_some() {
        let rejected = WorkerPool::new(1, largest).unwrap_err().to_string();
        assert_eq!(
            rejected,
            format!("capacity is {largest}, more than can be allocated")
        );
        WorkerPool::new(1, 1024).unwrap();
        return;
    }
    let limited = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 600000 && exec \"$0\" --exact bounds::a_capacity_that_cannot_be_allocated_is_rejected"])
        .arg(std::env::current_exe().unwrap())
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&limited.stdout);
    assert!(
        limited.status.success() && stdout.contains("1 passed"),
        "{stdout}"
    );
}

/// P2: threads are named after the pool.
#[test]
fn threads_bear_the_name_of_the_pool() {
    let pool = WorkerPool::builder()
        .name("uploads")
        .max_workers(1)
        .build()
        .unwrap();
    assert_eq!(pool.name(), "uploads");
    let (sender, name) = channel();
    pool.submit(move || {
        sender
            .send(thread::current().name().map(String::from))
            .unwrap()
    })
    .unwrap();
    assert_eq!(
        name.recv_timeout(TIMEOUT).unwrap().as_deref(),
        Some("uploads-0")
    );
}
