//! Panics, and statistics that stay exact meanwhile.

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{Latch, assert_at_rest};
use soiree_pool::{Pool, WaitError, WorkerPool};

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

/// P1, P3: a panic is counted and reported to the handler, and the worker goes on.
#[test]
fn a_panic_is_counted_and_the_worker_lives() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        move |payload: &soiree_pool::PanicPayload| {
            seen.lock().unwrap().push(payload.message().to_owned());
            panic!("handlers may panic, too");
        }
    };
    let pool = WorkerPool::builder()
        .max_workers(1)
        .panic_handler(handler)
        .build()
        .unwrap();
    let (sender, threads) = channel();
    for _ in 0..3 {
        let sender = sender.clone();
        pool.submit(move || {
            sender.send(thread::current().id()).unwrap();
            panic!("oops");
        })
        .unwrap();
    }
    let waited = pool.submit_and_wait(|| panic!("waited for"));
    assert!(matches!(waited, Err(WaitError::Panicked(panic)) if panic.message() == "waited for"));
    pool.submit(|| {}).unwrap();
    pool.release();
    let stats = pool.stats();
    assert_eq!((stats.failed, stats.successful), (4, 1));
    assert_eq!(seen.lock().unwrap().len(), 4);
    let threads: Vec<_> = threads.try_iter().collect();
    assert!(threads.iter().all(|id| *id == threads[0]));
    assert_at_rest(&pool);
}

/// P1, P3: a payload that panics when it is dropped ends no worker.
#[test]
fn a_panic_payload_whose_drop_panics_does_not_kill_the_worker() {
    let pool = WorkerPool::new(1, 10).unwrap();
    pool.submit(|| panic_any(Bomb)).unwrap();
    pool.submit(|| {}).unwrap();
    pool.release();
    assert_eq!((pool.stats().failed, pool.stats().successful), (1, 1));
    assert_at_rest(&pool);
}

/// P1, P5: dropping a job runs user code, and a panic of it harms nothing.
#[test]
fn a_discarded_job_whose_drop_panics_harms_nothing() {
    let pool = WorkerPool::new(1, 10).unwrap();
    let latch = Latch::block_worker(&pool);
    for _ in 0..3 {
        let bomb = Bomb;
        pool.submit(move || drop(bomb)).unwrap();
    }
    pool.stop();
    latch.open();
    pool.release();
    assert_eq!(pool.stats().discarded, 3);
    assert_at_rest(&pool);
}

/// P1: the statistics add up in every snapshot.
#[test]
fn the_statistics_balance_at_every_moment() {
    const JOBS: u64 = 20_000;
    let pool = WorkerPool::builder()
        .max_workers(3)
        .capacity(7)
        .idle_timeout(Duration::from_micros(50))
        .build()
        .unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut ended_before = 0;
            while !done.load(Ordering::SeqCst) {
                let stats = pool.stats();
                assert!(stats.is_balanced(), "{stats:?}");
                assert!(stats.waiting <= 7, "{stats:?}");
                assert!(stats.active <= stats.running.max(3), "{stats:?}");
                assert!(stats.submitted <= 2 * JOBS, "{stats:?}");
                let ended = stats.successful + stats.failed + stats.expired;
                assert!(ended >= ended_before, "{stats:?} after {ended_before}");
                ended_before = ended;
            }
        });
        let submitters: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for number in 0..JOBS {
                        match number % 1_000 {
                            0 => pool.submit(|| panic_any(())).unwrap(),
                            1 => pool
                                .submit_before(|| {}, std::time::Instant::now())
                                .unwrap(),
                            _ => pool.submit(|| {}).unwrap(),
                        }
                    }
                })
            })
            .collect();
        submitters.into_iter().for_each(|s| s.join().unwrap());
        done.store(true, Ordering::SeqCst);
    });
    pool.release();
    let stats = pool.stats();
    assert_eq!(stats.submitted, 2 * JOBS);
    assert_eq!((stats.failed, stats.discarded), (40, 0));
    assert!(stats.expired <= 40);
    assert_at_rest(&pool);
}

/// P3: every accepted job runs exactly once while workers start and exit.
#[test]
fn each_job_runs_exactly_once_while_workers_come_and_go() {
    const JOBS: usize = 5_000;
    let runs: Arc<Vec<AtomicUsize>> =
        Arc::new((0..4 * JOBS).map(|_| AtomicUsize::new(0)).collect());
    let pool = WorkerPool::builder()
        .max_workers(4)
        .capacity(3)
        .idle_timeout(Duration::from_nanos(1))
        .build()
        .unwrap();
    thread::scope(|scope| {
        for part in 0..4 {
            let (pool, runs) = (&pool, &runs);
            scope.spawn(move || {
                for number in part * JOBS..(part + 1) * JOBS {
                    let runs = Arc::clone(runs);
                    pool.submit(move || {
                        runs[number].fetch_add(1, Ordering::SeqCst);
                    })
                    .unwrap();
                    if number % 64 == 0 {
                        pool.resize(1 + number % 4).unwrap();
                    }
                }
            });
        }
    });
    pool.release();
    assert!(runs.iter().all(|runs| runs.load(Ordering::SeqCst) == 1));
    assert_at_rest(&pool);
}
