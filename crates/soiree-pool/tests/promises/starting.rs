//! Starting workers, and what happens when a thread cannot be started.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Latch, assert_at_rest, until};
use soiree_pool::{DrainTimeout, Overflow, Pool, SubmitErrorReason, WorkerPool};

/// A pool that can start only `threads` threads.
fn failing_after(threads: usize, capacity: usize) -> WorkerPool {
    let left = AtomicUsize::new(threads);
    WorkerPool::builder()
        .max_workers(4)
        .capacity(capacity)
        .idle_timeout(Duration::from_secs(3600))
        .spawn_handler(move |builder, body| {
            let one_less = |left: usize| left.checked_sub(1);
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))?;
            builder.spawn(body).map(drop)
        })
        .build()
        .unwrap()
}

/// P8: a pool that cannot start its first thread returns the job.
#[test]
fn without_a_single_thread_a_job_is_rejected() {
    for capacity in [0, 4] {
        let pool = failing_after(0, capacity);
        let ran = Arc::new(AtomicUsize::new(0));
        for submit_waits in [true, false] {
            let seen = Arc::clone(&ran);
            let job = move || {
                seen.fetch_add(1, Ordering::SeqCst);
            };
            let rejected = if submit_waits {
                pool.submit(job)
            } else {
                pool.try_submit(job)
            };
            let rejected = rejected.unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
            drop(rejected.into_job().run());
        }
        assert_eq!(ran.load(Ordering::SeqCst), 2, "both jobs came back usable");
        assert_eq!((pool.stats().submitted, pool.stats().rejected), (0, 2));
        pool.release();
        assert_at_rest(&pool);
    }
}

/// P8: if no further thread starts, the live workers run all jobs.
#[test]
fn when_later_threads_fail_the_others_do_everything() {
    let pool = failing_after(1, 4);
    let latch = Latch::block_worker(&pool);
    for _ in 0..4 {
        pool.submit(|| {}).unwrap();
    }
    assert!(matches!(
        pool.try_submit(|| {}).unwrap_err().reason,
        SubmitErrorReason::Full { .. }
    ));
    assert_eq!((pool.running(), pool.stats().waiting), (1, 4));
    latch.open();
    for _ in 0..100 {
        pool.submit(|| {}).unwrap();
    }
    pool.release();
    assert_eq!(pool.stats().successful, 105);
    assert_at_rest(&pool);
}

/// P3, P8: jobs that were queued for a worker whose thread then does not start still run.
#[test]
fn no_job_is_stranded_while_every_second_thread_fails() {
    for capacity in [0, 1, 4] {
        let attempts = AtomicUsize::new(0);
        let pool = WorkerPool::builder()
            .max_workers(2)
            .capacity(capacity)
            .idle_timeout(Duration::from_nanos(1))
            .spawn_handler(move |builder, body| {
                if attempts.fetch_add(1, Ordering::SeqCst) % 2 == 0 {
                    thread::yield_now();
                    return Err(io::Error::from(io::ErrorKind::WouldBlock));
                }
                builder.spawn(body).map(drop)
            })
            .build()
            .unwrap();
        let (ran, accepted) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let ran = Arc::clone(&ran);
                        let submitted = pool.submit(move || {
                            ran.fetch_add(1, Ordering::SeqCst);
                        });
                        match submitted {
                            Ok(()) => {
                                accepted.fetch_add(1, Ordering::SeqCst);
                            }
                            Err(rejected) => {
                                assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
                            }
                        }
                    }
                });
            }
        });
        pool.release();
        assert_eq!(
            ran.load(Ordering::SeqCst),
            accepted.load(Ordering::SeqCst),
            "capacity {capacity}"
        );
        assert_at_rest(&pool);
    }
}

/// P8: a handler may start the thread and then panic; the permit is used once.
#[test]
fn a_spawn_handler_that_panics_after_it_started_the_thread_harms_nothing() {
    let pool = WorkerPool::builder()
        .max_workers(2)
        .capacity(0)
        .spawn_handler(|builder, body| {
            builder.spawn(body)?;
            panic!("too late");
        })
        .build()
        .unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let mut accepted = 0;
    for _ in 0..10 {
        let ran = Arc::clone(&ran);
        let submitted = pool.submit(move || {
            ran.fetch_add(1, Ordering::SeqCst);
        });
        accepted += usize::from(submitted.is_ok());
    }
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), accepted);
    assert_at_rest(&pool);
}

/// P2: a worker that is started because the queue is full makes room for exactly one job.
#[test]
fn no_more_jobs_wait_than_may_when_a_full_queue_starts_a_worker() {
    let running = Arc::new(AtomicUsize::new(0));
    let started = AtomicUsize::new(0);
    let pool = WorkerPool::builder()
        .max_workers(2)
        .capacity(2)
        .strategy(soiree_pool::Lazy)
        .overflow(Overflow::Reject)
        .spawn_handler({
            let running = Arc::clone(&running);
            move |builder, body| {
                builder.spawn(body)?;
                // The second worker takes its first job before the submitter that started it goes on.
                if started.fetch_add(1, Ordering::SeqCst) == 1 {
                    until("it has a job", || running.load(Ordering::SeqCst) == 2);
                }
                Ok(())
            }
        })
        .build()
        .unwrap();
    let (accepted, may_end) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let submit = || {
        let (running, may_end) = (Arc::clone(&running), Arc::clone(&may_end));
        let job = move || {
            running.fetch_add(1, Ordering::SeqCst);
            until("it may end", || may_end.load(Ordering::SeqCst));
        };
        let ok = pool.submit(job).is_ok();
        accepted.fetch_add(usize::from(ok), Ordering::SeqCst);
    };
    submit();
    until("the first job runs", || running.load(Ordering::SeqCst) == 1);
    (0..9).for_each(|_| submit());
    let stats = pool.stats();
    may_end.store(true, Ordering::SeqCst);
    pool.release();
    assert_eq!(accepted.into_inner(), 4, "two run and two wait");
    assert_eq!((stats.active, stats.waiting), (2, 2), "{stats:?}");
    assert_at_rest(&pool);
}

/// P5: a spawn handler may stop the pool that calls it.
#[test]
fn a_spawn_handler_may_stop_its_own_pool() {
    for capacity in [0, 4] {
        let own: Arc<OnceLock<Weak<WorkerPool>>> = Arc::default();
        let inner = Arc::clone(&own);
        let pool = Arc::new(
            WorkerPool::builder()
                .max_workers(1)
                .capacity(capacity)
                .spawn_handler(move |builder, body| {
                    if let Some(pool) = inner.get().and_then(Weak::upgrade) {
                        pool.stop();
                    }
                    builder.spawn(body).map(drop)
                })
                .build()
                .unwrap(),
        );
        own.set(Arc::downgrade(&pool)).unwrap();
        // This job may be accepted before the stop; the next one is rejected.
        let _ = pool.submit(|| {});
        let rejected = pool.submit(|| {}).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        pool.release();
        assert_eq!(pool.stats().successful, 0);
        assert_at_rest(&pool);
    }
}

/// P5: a strategy may stop the pool that calls it.
#[test]
fn a_strategy_may_stop_its_own_pool() {
    let own: Arc<OnceLock<Weak<WorkerPool>>> = Arc::default();
    let inner = Arc::clone(&own);
    let pool = Arc::new(
        WorkerPool::builder()
            .max_workers(2)
            .strategy(move |_: &soiree_pool::Load| {
                if let Some(pool) = inner.get().and_then(Weak::upgrade) {
                    pool.stop();
                }
                false
            })
            .build()
            .unwrap(),
    );
    let latch = Latch::block_worker(&pool);
    own.set(Arc::downgrade(&pool)).unwrap();
    pool.submit(|| {}).unwrap();
    let rejected = pool.submit(|| {}).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    latch.open();
    pool.release();
    let stats = pool.stats();
    assert_eq!((stats.successful, stats.discarded), (1, 1));
    assert_at_rest(&pool);
}

/// P2, P3: with a limit of one worker, the jobs of one submitter run in order, even while workers exit and start.
#[test]
fn one_worker_runs_the_jobs_of_one_submitter_in_order() {
    for capacity in [0, 1, 3] {
        let pool = WorkerPool::builder()
            .max_workers(1)
            .capacity(capacity)
            .idle_timeout(Duration::from_nanos(1))
            .build()
            .unwrap();
        let ran = Arc::new(Mutex::new(Vec::new()));
        for number in 0..2_000 {
            let ran = Arc::clone(&ran);
            pool.submit(move || ran.lock().unwrap().push(number))
                .unwrap();
        }
        pool.release();
        assert!(ran.lock().unwrap().iter().copied().eq(0..2_000));
        assert_at_rest(&pool);
    }
}

/// P3: a job that waits for a later job does not block it, because the pool starts a second worker.
#[test]
fn a_job_may_wait_for_another_while_there_may_be_more_workers() {
    for capacity in [0, 2] {
        for _ in 0..200 {
            let pool = WorkerPool::new(2, capacity).unwrap();
            let both = Arc::new(Barrier::new(2));
            for _ in 0..2 {
                let both = Arc::clone(&both);
                pool.submit(move || {
                    both.wait();
                })
                .unwrap();
            }
            pool.release();
            assert_eq!(pool.stats().successful, 2);
        }
    }
}

/// P5, P8: a missed deadline reports jobs whose worker's thread has not started, although nothing runs.
#[test]
fn a_deadline_reports_jobs_whose_worker_is_yet_to_start() {
    let (open, opened) = channel::<()>();
    let opened = Mutex::new(Some(opened));
    let pool = WorkerPool::builder()
        .max_workers(1)
        .spawn_handler(move |builder, body| {
            let opened = opened.lock().unwrap().take();
            let starts_late = move || {
                if let Some(opened) = opened {
                    let _ = opened.recv();
                }
                body();
            };
            builder.spawn(starts_late).map(drop)
        })
        .build()
        .unwrap();
    pool.submit(|| {}).unwrap();
    let left = pool.release_with_deadline(Instant::now());
    assert_eq!(left, Err(DrainTimeout::new(0, 1)));
    drop(open);
    pool.release();
    assert_eq!(pool.stats().discarded, 1);
    assert_at_rest(&pool);
}
