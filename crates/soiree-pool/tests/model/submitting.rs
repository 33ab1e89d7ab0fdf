//! Submitting to a full queue.

use std::sync::Arc;

use soiree_pool::{Overflow, Pool, SubmitErrorReason};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, block_worker, one_of, pool};

const POLICIES: [Overflow; 5] = [
    Overflow::Block,
    Overflow::BlockFor(SOME),
    Overflow::Reject,
    Overflow::CallerRuns,
    Overflow::DropOldest,
];

/// P4: under no policy does a worker wait for room that only this worker can make.
#[test]
fn a_worker_that_submits_to_its_own_full_pool_does_not_wait() {
    explore(|| {
        let (policy, capacity) = (one_of(&POLICIES), one_of(&[0, 1, 2]));
        let workers = one_of(&[1, 2]);
        let pool = pool(workers, capacity).overflow(policy).build().unwrap();
        let (pool, ledger) = (Arc::new(pool), Ledger::default());
        let mut threads = Threads::default();
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                let (inner, own) = (Arc::clone(&pool), ledger.clone());
                let submits = ledger.job_that(move || own.submit(&inner, 2));
                ledger.submit_and_wait(&pool, submits);
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        let stats = pool.stats();
        assert!(policy == Overflow::DropOldest || stats.discarded == 0);
        let never_rejects = matches!(policy, Overflow::Block | Overflow::CallerRuns);
        assert!(!never_rejects || stats.rejected == 0, "{stats:?}");
    });
}

/// P4: workers that wait for jobs of their own pool run them inline, so they do not deadlock.
#[test]
fn workers_that_wait_for_jobs_of_their_own_pool_do_not_wait_for_each_other() {
    explore(|| {
        let pool = Arc::new(pool(2, one_of(&[0, 2])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                let (inner, own) = (Arc::clone(&pool), ledger.clone());
                let waits = ledger.job_that(move || {
                    assert!(own.submit_and_wait(&inner, own.job()));
                });
                assert!(ledger.submit_and_wait(&pool, waits));
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 6);
    });
}

/// P2, P3: when a submitter's timeout races room in the queue, its job is either queued or returned, never both.
#[test]
fn giving_up_races_a_place() {
    explore(|| {
        let capacity = one_of(&[0, 1]);
        let pool = pool(1, capacity).overflow(Overflow::BlockFor(SOME));
        let pool = Arc::new(pool.idle_timeout(one_of(&[NEVER, SOME])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latch = block_worker(&pool, &ledger);
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                let submitted = pool.submit(ledger.job());
                if let Err(error) = &submitted {
                    assert!(matches!(error.reason, SubmitErrorReason::TimedOut { .. }));
                }
                ledger.record(submitted);
            });
        }
        assert!(pool.stats().waiting <= capacity);
        latch.open();
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// P2, P3: with `DropOldest` every job runs or is discarded, and the newest one runs.
#[test]
fn replacing_the_oldest_races_itself_and_the_worker() {
    explore(|| {
        let (workers, capacity) = one_of(&[(1, 1), (1, 2), (2, 1)]);
        let pool = pool(workers, capacity).overflow(Overflow::DropOldest);
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 3));
        }
        threads.join();
        let newest = Ledger::default();
        assert!(newest.record(pool.submit(newest.job())));
        pool.release();
        assert_eq!(newest.ran(), 1);
        assert!(ledger.most_running() <= workers);
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.rejected), (7, 0));
        assert_eq!(stats.successful as usize, ledger.ran() + 1);
        assert!(stats.is_balanced());
    });
}

/// P3: `try_submit` never blocks, and returns a rejected job.
#[test]
fn trying_to_submit_races_submitters_and_the_workers() {
    explore(|| {
        let pool = pool(2, one_of(&[0, 1])).idle_timeout(one_of(&[NEVER, SOME]));
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for _ in 0..2 {
                    ledger.record(pool.try_submit(soiree_pool::Job::new(ledger.job())));
                }
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}
