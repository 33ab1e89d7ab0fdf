//! Threads that cannot be started.

use std::io;
use std::sync::Arc;

use shuttle::sync::Barrier;
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use shuttle::thread;
use soiree_pool::{Pool, SubmitErrorReason, WorkerPool};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, one_of, pool};

/// A pool whose threads fail to start at random, about every second one.
fn failing(workers: usize, capacity: usize) -> Arc<WorkerPool> {
    let pool = pool(workers, capacity).spawn_handler(|_, body| {
        thread::yield_now();
        if one_of(&[true, false]) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        thread::spawn(body);
        Ok(())
    });
    let pool = pool.idle_timeout(one_of(&[NEVER, SOME]));
    Arc::new(pool.build().unwrap())
}

/// P3, P8: an accepted job runs, on a worker or on the thread that could not start one.
#[test]
fn threads_that_fail_to_start_strand_no_job() {
    explore(|| {
        let pool = failing(one_of(&[1, 2]), one_of(&[0, 1, 4]));
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for _ in 0..2 {
                    let submitted = pool.submit(ledger.job());
                    if let Err(error) = &submitted {
                        assert!(matches!(error.reason, SubmitErrorReason::Spawn(_)));
                    }
                    ledger.record(submitted);
                }
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// P3, P5, P8: the same holds while the pool is released.
#[test]
fn threads_that_fail_to_start_race_a_release() {
    explore(|| {
        let pool = failing(one_of(&[1, 2]), one_of(&[0, 1, 4]));
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        pool.release();
        let ran = ledger.ran();
        threads.join();
        assert_eq!((ran, ledger.ran()), (ledger.accepted(), ran));
        ledger.assert_settled(&pool);
    });
}

/// P2, P8: a failed start gives its permit back, so the worker limit stays the same.
#[test]
fn after_failed_starts_as_many_workers_may_live_as_before() {
    explore(|| {
        let (fails, limit) = (Arc::new(AtomicBool::new(true)), one_of(&[1, 2]));
        let failing = Arc::clone(&fails);
        let pool = pool(limit, one_of(&[0, 4])).spawn_handler(move |_, body| {
            if failing.load(SeqCst) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            thread::spawn(body);
            Ok(())
        });
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 1));
        }
        threads.join();
        fails.store(false, SeqCst);
        // The barrier opens only if all of them run at once.
        let all = Arc::new(Barrier::new(limit));
        for _ in 0..limit {
            let all = Arc::clone(&all);
            let meets = ledger.job_that(move || {
                all.wait();
            });
            assert!(ledger.record(pool.submit(meets)));
        }
        ledger.release_and_assert_settled(&pool);
    });
}

/// P8: a submit starts one thread, and if that ends early, runs its job there or rejects it. It does not start others without end.
#[test]
fn a_submit_does_not_start_threads_that_end_early_again_and_again() {
    explore(|| {
        let starts = Arc::new(AtomicUsize::new(0));
        let started = Arc::clone(&starts);
        let pool = pool(1, one_of(&[0, 2])).spawn_handler(move |_, body| {
            started.fetch_add(1, SeqCst);
            thread::spawn(move || drop(body));
            Ok(())
        });
        let (pool, ledger) = (pool.build().unwrap(), Ledger::default());
        ledger.submit(&pool, 1);
        ledger.release_and_assert_settled(&pool);
        assert_eq!(starts.load(SeqCst), 1);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}
