//! Changing the worker limit while the pool is used.

use std::sync::Arc;

use shuttle::sync::Barrier;
use shuttle::thread;
use soiree_pool::Pool;

use soiree_testkit::model::{Threads, explore};

use crate::common::{Latch, Ledger, NEVER, SOME, block_worker, one_of, pool};

/// P2, P3: jobs submitted after the limit fell respect it: a worker above the limit takes none of them.
#[test]
fn a_falling_limit_holds_for_jobs_submitted_afterwards() {
    explore(|| {
        let (from, to) = one_of(&[(2, 1), (3, 1), (3, 2)]);
        let pool = Arc::new(pool(from, 4).build().unwrap());
        let (before, after) = (Ledger::default(), Ledger::default());
        let latches: Vec<Latch> = (0..from).map(|_| block_worker(&pool, &before)).collect();
        latches.into_iter().for_each(Latch::open);
        // The workers are all idle when the limit falls, so only a notification makes them exit; or some still run.
        let idle = one_of(&[0, from]);
        while pool.idle_workers() < idle {
            thread::yield_now();
        }
        pool.resize(to).unwrap();
        after.submit(&pool, 4);
        while pool.running() > to {
            thread::yield_now();
        }
        pool.release();
        assert!(after.most_running() <= to, "{}", after.most_running());
        assert!(before.most_running() <= from);
        assert_eq!((before.ran(), after.ran()), (from, 4));
        assert_eq!(pool.stats().successful as usize, from + 4);
    });
}

/// P2, P3: the limit falls while jobs are submitted.
#[test]
fn a_falling_limit_races_submitters() {
    explore(|| {
        let (from, to) = one_of(&[(2, 1), (4, 1), (4, 3)]);
        let pool = Arc::new(pool(from, one_of(&[0, 1, 4])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 3));
        }
        pool.resize(to).unwrap();
        threads.join();
        // Workers above the limit exit without another job.
        while pool.running() > to {
            thread::yield_now();
        }
        assert!(ledger.most_running() <= from);
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 6);
    });
}

/// P2, P3: after concurrent changes, the limit is exactly the one that was set last.
#[test]
fn limits_that_rise_and_fall_at_once_leave_the_last_one_said() {
    explore(|| {
        let pool = pool(2, 2).idle_timeout(one_of(&[NEVER, SOME]));
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for limits in [[1, 3], [4, 2]] {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for limit in limits {
                    pool.resize(limit).unwrap();
                    ledger.submit(&pool, 1);
                }
            });
        }
        threads.join();
        let last = one_of(&[1, 2, 3]);
        pool.resize(last).unwrap();
        // The barrier opens only if all of them run at once.
        let all = Arc::new(Barrier::new(last));
        let side_by_side = Ledger::default();
        for _ in 0..last {
            let all = Arc::clone(&all);
            let meets = side_by_side.job_that(move || {
                all.wait();
            });
            assert!(side_by_side.record(pool.submit(meets)));
        }
        side_by_side.submit(&pool, 2);
        while pool.running() > last {
            thread::yield_now();
        }
        pool.release();
        assert_eq!((ledger.ran(), side_by_side.ran()), (4, last + 2));
        assert!(side_by_side.most_running() <= last);
        let stats = pool.stats();
        assert!(stats.is_balanced() && stats.running == 0, "{stats:?}");
    });
}

/// P1, P2, P3: a worker above the limit exits even if its last job panicked.
#[test]
fn panics_race_a_falling_limit() {
    explore(|| {
        let pool = Arc::new(pool(2, 2).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for _ in 0..3 {
                    // `panic!` would print a message each time.
                    let panics = ledger.job_that(|| std::panic::resume_unwind(Box::new("so")));
                    assert!(ledger.record(pool.submit(panics)));
                }
            });
        }
        pool.resize(1).unwrap();
        threads.join();
        while pool.running() > 1 {
            thread::yield_now();
        }
        ledger.release_and_assert_settled(&pool);
        assert_eq!(pool.stats().failed, 3);
    });
}

/// P3: raising the limit starts workers for waiting jobs.
#[test]
fn a_rising_limit_races_submitters() {
    explore(|| {
        let pool = Arc::new(pool(1, one_of(&[0, 1, 2])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let both = Arc::new(Barrier::new(2));
        for _ in 0..2 {
            let (pool, ledger, both) = (Arc::clone(&pool), ledger.clone(), Arc::clone(&both));
            threads.start(move || {
                let meets = ledger.job_that(move || {
                    both.wait();
                });
                assert!(ledger.record(pool.submit(meets)));
            });
        }
        pool.resize(2).unwrap();
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 2);
    });
}

/// P3, P5: resizing races a release and a stop.
#[test]
fn resizing_races_closing() {
    explore(|| {
        let pool = Arc::new(pool(2, 2).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 3));
        }
        {
            let pool = Arc::clone(&pool);
            threads.start(move || [1, 3].iter().for_each(|max| pool.resize(*max).unwrap()));
        }
        let stops = one_of(&[true, false]);
        if stops {
            pool.stop();
        }
        pool.release();
        let ran = ledger.ran();
        threads.join();
        assert_eq!(ran, ledger.ran());
        ledger.release_and_assert_settled(&pool);
        assert!(stops || ledger.ran() == ledger.accepted());
    });
}

/// P3, P5: a release waits for a job that a worker above the limit left to another worker.
#[test]
fn leaving_a_job_to_others_races_a_release() {
    explore(|| {
        let pool = Arc::new(pool(2, 2).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latches = [block_worker(&pool, &ledger), block_worker(&pool, &ledger)];
        ledger.submit(&pool, 1);
        {
            let pool = Arc::clone(&pool);
            threads.start(move || {
                latches.into_iter().for_each(Latch::open);
                pool.resize(1).unwrap();
            });
        }
        pool.release();
        assert_eq!(ledger.ran(), 3);
        threads.join();
        ledger.assert_settled(&pool);
    });
}

/// P2, P3: a worker above the limit that is notified of a job exits without it, and another worker runs the job.
#[test]
fn a_worker_that_is_to_leave_takes_no_job() {
    explore(|| {
        let pool = Arc::new(pool(2, 2).build().unwrap());
        let ledger = Ledger::default();
        let (stays, leaves) = (block_worker(&pool, &ledger), block_worker(&pool, &ledger));
        leaves.open();
        while pool.idle_workers() < 1 {
            thread::yield_now();
        }
        pool.resize(1).unwrap();
        let own = ledger.clone();
        let alone = ledger.job_that(move || assert_eq!(own.running(), 1));
        assert!(ledger.record(pool.submit(alone)));
        while pool.running() > 1 {
            thread::yield_now();
        }
        stays.open();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(pool.stats().successful, 3);
    });
}
