//! Workers that start as jobs come, and exit when they are idle.

use std::sync::Arc;

use shuttle::sync::Barrier;
use soiree_pool::{Balanced, Lazy, Load};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, one_of, pool};

/// P3, P7: a job that is submitted while the last worker exits still runs.
#[test]
fn the_last_worker_leaving_races_submitters() {
    explore(|| {
        let pool = pool(1, one_of(&[0, 1, 2])).idle_timeout(SOME);
        // The pool starts its first worker without asking the strategy, so the scenario has to pass with either.
        let eager = one_of(&[true, false]);
        let pool = pool.strategy(move |load: &Load| eager && load.waiting > load.idle);
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        // With one submitter, no other submitter can start the worker that this job needs.
        for _ in 0..one_of(&[1, 2]) {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for _ in 0..3 {
                    // The submitter waits, so only the worker that runs this job can wake it.
                    assert!(ledger.submit_and_wait(&pool, ledger.job()));
                }
            });
        }
        threads.join();
        assert_eq!(ledger.most_running(), 1);
        ledger.release_and_assert_settled(&pool);
    });
}

/// P2, P3, P7: the same with more workers, more jobs, and submitters that do not wait for their jobs.
#[test]
fn workers_that_come_and_go_strand_no_job() {
    explore(|| {
        let (workers, capacity) = one_of(&[(2, 0), (2, 1), (4, 2), (4, 8)]);
        let pool = pool(workers, capacity).min_workers(one_of(&[0, 1]));
        let pool = Arc::new(pool.idle_timeout(SOME).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                ledger.submit(&pool, 3);
                assert!(ledger.submit_and_wait(&pool, ledger.job()));
            });
        }
        threads.join();
        assert!(ledger.most_running() <= workers);
        assert_eq!(ledger.accepted(), 8);
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 8);
    });
}

/// P3: two jobs that wait for each other both run, because the pool starts a second worker.
#[test]
fn a_job_is_not_left_behind_a_busy_worker() {
    explore(|| {
        let pool = pool(2, one_of(&[0, 1, 2])).idle_timeout(one_of(&[NEVER, SOME]));
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                ledger.submit(&pool, 1);
            });
        }
        let both = Arc::new(Barrier::new(2));
        for _ in 0..2 {
            let both = Arc::clone(&both);
            let meets = ledger.job_that(move || {
                both.wait();
            });
            assert!(ledger.record(pool.submit(meets)));
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 4);
    });
}

/// P3: a lazy pool starts another worker when the queue is full.
#[test]
fn a_full_queue_starts_a_worker_whatever_the_strategy() {
    explore(|| {
        let pool = pool(2, 1).strategy(Lazy).build().unwrap();
        let pool = Arc::new(pool);
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        // Three jobs: one runs, one waits, and the third finds the queue full. Two of them have to meet at the barrier.
        let both = Arc::new(Barrier::new(2));
        for _ in 0..3 {
            let (pool, ledger, both) = (Arc::clone(&pool), ledger.clone(), Arc::clone(&both));
            threads.start(move || {
                let meets = ledger.job_that(move || {
                    both.wait();
                });
                assert!(ledger.record(pool.submit(meets)));
            });
        }
        threads.join();
        // The third job meets this one.
        let meets = ledger.job_that(move || {
            both.wait();
        });
        assert!(ledger.record(pool.submit(meets)));
        ledger.release_and_assert_settled(&pool);
        assert_eq!((ledger.ran(), ledger.most_running()), (4, 2));
    });
}

/// P3: a balanced pool starts another worker when more jobs wait than there are workers.
#[test]
fn more_waiting_jobs_than_workers_start_another() {
    explore(|| {
        let pool = pool(2, 4).strategy(Balanced).build().unwrap();
        let pool = Arc::new(pool);
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let both = Arc::new(Barrier::new(2));
        // One job runs at the barrier. As soon as two wait behind it, a second worker has to start; then all four meet in pairs.
        for _ in 0..2 {
            let (pool, ledger, both) = (Arc::clone(&pool), ledger.clone(), Arc::clone(&both));
            threads.start(move || {
                for _ in 0..2 {
                    let both = Arc::clone(&both);
                    let meets = ledger.job_that(move || {
                        both.wait();
                    });
                    assert!(ledger.record(pool.submit(meets)));
                }
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 4);
    });
}
