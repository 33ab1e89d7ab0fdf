//! Races that rarely happen by chance, forced to happen.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{Latch, TIMEOUT, assert_at_rest, until};
use soiree_pool::{Load, Pool, SubmitErrorReason, WorkerPool};

fn all_idle(pool: &WorkerPool, workers: usize) {
    let latches: Vec<Latch> = (0..workers).map(|_| Latch::block_worker(pool)).collect();
    latches.into_iter().for_each(Latch::open);
    until("all workers are idle", || pool.idle_workers() == workers);
}

/// P2: idle workers above a lowered limit exit at once, without waiting for their timeout.
#[test]
fn idle_workers_leave_when_the_limit_falls() {
    let pool = WorkerPool::builder()
        .max_workers(4)
        .idle_timeout(Duration::from_secs(3600))
        .build()
        .unwrap();
    for _ in 0..50 {
        all_idle(&pool, 4);
        pool.resize(1).unwrap();
        until("three have exited", || pool.running() == 1);
        pool.resize(4).unwrap();
    }
    pool.release();
    assert_at_rest(&pool);
}

/// P2, P3: a worker above the limit that is woken for a job leaves the job to another worker.
#[test]
fn idle_workers_that_are_to_leave_run_nothing_more() {
    let pool = WorkerPool::new(4, 16).unwrap();
    let (running, overlaps) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..200 {
        pool.resize(4).unwrap();
        all_idle(&pool, 4);
        pool.resize(1).unwrap();
        for _ in 0..4 {
            let (running, overlaps) = (Arc::clone(&running), Arc::clone(&overlaps));
            pool.submit(move || {
                let others = running.fetch_add(1, Ordering::SeqCst);
                overlaps.fetch_add(others, Ordering::SeqCst);
                for _ in 0..20 {
                    thread::yield_now();
                }
                running.fetch_sub(1, Ordering::SeqCst);
            })
            .unwrap();
        }
        until("all have run", || {
            pool.successful_tasks() == pool.submitted_tasks()
        });
    }
    pool.release();
    assert_eq!(overlaps.load(Ordering::SeqCst), 0);
    assert_at_rest(&pool);
}

/// P2, P3: if the limit falls while a worker is about to take a job, the worker exits and leaves the job to others.
#[test]
fn a_worker_that_is_to_leave_takes_no_job() {
    let (grow, armed) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicBool::new(false)),
    );
    let (asking, asked) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let (asking, may_go_on) = (Mutex::new(asking), Mutex::new(may_go_on));
    let pool = WorkerPool::builder()
        .name("giving")
        .max_workers(2)
        .idle_timeout(Duration::from_secs(3600))
        .strategy({
            let (grow, armed) = (Arc::clone(&grow), Arc::clone(&armed));
            move |_: &Load| {
                let me = thread::current();
                let on_worker = me.name().is_some_and(|name| name.starts_with("giving-"));
                // A worker asks the strategy before it takes a job.
                if on_worker && armed.swap(false, Ordering::SeqCst) {
                    asking.lock().unwrap().send(()).unwrap();
                    let _ = may_go_on.lock().unwrap().recv_timeout(TIMEOUT);
                }
                grow.load(Ordering::SeqCst)
            }
        })
        .build()
        .unwrap();
    all_idle(&pool, 2);
    grow.store(false, Ordering::SeqCst);
    let latch = Latch::block_worker(&pool);
    pool.resize(3).unwrap();
    armed.store(true, Ordering::SeqCst);
    let (ran, mut submitted) = (Arc::new(AtomicUsize::new(0)), 0);
    until("a worker asks before it takes a job", || {
        until("it is idle again", || pool.idle_workers() == 1);
        for _ in 0..2 {
            let ran = Arc::clone(&ran);
            pool.submit(move || {
                ran.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
            submitted += 1;
        }
        let mut has_asked = false;
        until("it asks or has run both", || {
            has_asked = has_asked || asked.try_recv().is_ok();
            has_asked || ran.load(Ordering::SeqCst) == submitted
        });
        has_asked
    });
    let before = ran.load(Ordering::SeqCst);
    pool.resize(1).unwrap();
    drop(go_on);
    until("it has exited", || pool.running() == 1);
    assert_eq!(ran.load(Ordering::SeqCst), before);
    latch.open();
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), submitted);
    assert_at_rest(&pool);
}

/// P3: submitters that count on an idle worker start no other one, so this worker asks the strategy when it takes a job.
#[test]
fn a_worker_that_becomes_busy_asks_whether_to_start_another() {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let pool = WorkerPool::builder()
        .name("asking")
        .max_workers(2)
        .strategy(move |_: &Load| {
            let me = thread::current();
            let on_worker = me.name().is_some_and(|name| name.starts_with("asking-"));
            seen.fetch_or(on_worker, Ordering::SeqCst);
            false
        })
        .build()
        .unwrap();
    until("a worker asks", || {
        until("it is idle again", || pool.running() == pool.idle_workers());
        (0..4).for_each(|_| pool.submit(|| {}).unwrap());
        asked.load(Ordering::SeqCst)
    });
    pool.release();
    assert_at_rest(&pool);
}

/// P3, P8: a job that was queued for a worker that then could not be started still runs.
#[test]
fn a_job_that_trusted_in_a_failed_start_is_not_stranded() {
    for capacity in [0, 1, 4] {
        let (starting, started) = channel();
        let (go_on, may_fail) = channel::<()>();
        let (starting, may_fail) = (Mutex::new(starting), Mutex::new(may_fail));
        let pool = WorkerPool::builder()
            .max_workers(1)
            .capacity(capacity)
            .spawn_handler(move |_, _| {
                let _ = starting.lock().unwrap().send(());
                let _ = may_fail.lock().unwrap().recv_timeout(TIMEOUT);
                Err(io::Error::from(io::ErrorKind::WouldBlock))
            })
            .build()
            .unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let accepted = thread::scope(|scope| {
            let first = scope.spawn(|| pool.submit(|| {}));
            started.recv_timeout(TIMEOUT).unwrap();
            let seen = Arc::clone(&ran);
            let (sender, submitting) = channel();
            let pool = &pool;
            let second = scope.spawn(move || {
                sender.send(()).unwrap();
                pool.submit(move || {
                    seen.fetch_add(1, Ordering::SeqCst);
                })
            });
            submitting.recv_timeout(TIMEOUT).unwrap();
            if capacity > 0 {
                until("it is queued", || pool.waiting_tasks() == 1);
            }
            drop(go_on);
            let rejected = first.join().unwrap().unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
            second.join().unwrap().is_ok()
        });
        assert!(accepted || capacity == 0);
        assert_eq!(ran.load(Ordering::SeqCst), usize::from(accepted));
        pool.release();
        assert_at_rest(&pool);
    }
}

/// P3, P7: a job submitted at any point while the last worker exits still runs.
#[test]
fn a_worker_that_leaves_strands_no_submitter() {
    let pool = WorkerPool::builder()
        .max_workers(2)
        .capacity(8)
        .idle_timeout(Duration::from_nanos(1))
        .build()
        .unwrap();
    thread::scope(|scope| {
        for submitter in 0..3 {
            let pool = &pool;
            scope.spawn(move || {
                for number in 0..4_000 {
                    // A different delay each time, to hit different points of the worker's exit.
                    for _ in 0..(number * (submitter + 1)) % 97 {
                        std::hint::spin_loop();
                    }
                    pool.submit_and_wait(|| {}).unwrap();
                }
            });
        }
    });
    pool.release();
    assert_eq!(pool.stats().successful, 12_000);
    assert_at_rest(&pool);
}
