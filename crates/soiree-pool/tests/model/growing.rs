//! Workers that start as they are wanted, and leave when they are not.

use std::sync::Arc;

use shuttle::sync::Barrier;
use soiree_pool::{Balanced, Lazy, Load};

use crate::common::{Ledger, NEVER, SOME, Threads, explore, one_of, pool};

/// P3, P7: the last worker leaves just as a job comes, and the job runs all the same.
#[test]
fn the_last_worker_leaving_races_submitters() {
    explore(|| {
        let pool = pool(1, one_of(&[0, 1, 2])).idle_timeout(SOME);
        // No strategy is asked whether to start the first worker.
        let eager = one_of(&[true, false]);
        let pool = pool.strategy(move |load: &Load| eager && load.waiting > load.idle);
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        // Where there is one submitter, there is no other whose job would start a worker for this one's.
        for _ in 0..one_of(&[1, 2]) {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for _ in 0..3 {
                    // Nobody but this one's own worker is there to wake it.
                    assert!(ledger.submit_and_wait(&pool, ledger.job()));
                }
            });
        }
        threads.join();
        assert_eq!(ledger.most_running(), 1);
        ledger.release_and_assert_settled(&pool);
    });
}

/// P2, P3, P7: the same with more workers, more jobs, and submitters that do not wait for theirs.
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

/// P3: two jobs that wait for each other meet, for there is a second worker to be had.
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
            assert!(ledger.enter(pool.submit(meets)));
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
        // Only if three jobs run side by side with one in the queue do these two meet.
        let both = Arc::new(Barrier::new(2));
        for _ in 0..3 {
            let (pool, ledger, both) = (Arc::clone(&pool), ledger.clone(), Arc::clone(&both));
            threads.start(move || {
                let meets = ledger.job_that(move || {
                    both.wait();
                });
                assert!(ledger.enter(pool.submit(meets)));
            });
        }
        threads.join();
        // The third meets this one.
        let meets = ledger.job_that(move || {
            both.wait();
        });
        assert!(ledger.enter(pool.submit(meets)));
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
        // With two in the queue behind one that runs, there is to be a second worker, and then all four meet in pairs.
        for _ in 0..2 {
            let (pool, ledger, both) = (Arc::clone(&pool), ledger.clone(), Arc::clone(&both));
            threads.start(move || {
                for _ in 0..2 {
                    let both = Arc::clone(&both);
                    let meets = ledger.job_that(move || {
                        both.wait();
                    });
                    assert!(ledger.enter(pool.submit(meets)));
                }
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 4);
    });
}
