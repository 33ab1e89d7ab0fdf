//! Stopping and releasing the pool while it is used.

use std::sync::Arc;

use shuttle::thread;
use soiree_pool::{Overflow, Pool, SubmitErrorReason};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, block_worker, one_of, pool};

/// P3, P5: a job submitted while the pool stops runs, is discarded, or is returned.
#[test]
fn submitting_races_a_stop() {
    explore(|| {
        let pool = Arc::new(pool(2, one_of(&[0, 1, 2])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        pool.stop();
        let rejected = pool.submit(|| {}).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        pool.release();
        // No job is accepted any more, even from submitters that are still running.
        let stats = pool.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        assert_eq!((stats.waiting, stats.active, stats.running), (0, 0, 0));
        threads.join();
        assert_eq!(pool.stats().submitted, stats.submitted);
        assert!(ledger.most_running() <= 2);
        // 5 and not 4: the job rejected above is not in the ledger.
        assert_eq!(pool.stats().rejected + pool.stats().submitted, 5);
        assert_eq!(ledger.ran() as u64, pool.stats().successful);
    });
}

/// P3, P5: every job accepted while the pool is released has run when the release returns.
#[test]
fn submitting_races_a_release() {
    explore(|| {
        let timeout = one_of(&[NEVER, SOME]);
        let pool = pool(2, one_of(&[0, 1, 2])).idle_timeout(timeout);
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        pool.release();
        let ran = ledger.ran();
        threads.join();
        assert_eq!(ran, ledger.accepted());
        ledger.assert_settled(&pool);
    });
}

/// P4, P5: blocked submitters wake up when the pool closes, and get their job back.
#[test]
fn blocked_submitters_wake_when_the_pool_closes() {
    explore(|| {
        let capacity = one_of(&[0, 1]);
        let pool = Arc::new(pool(1, capacity).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latch = block_worker(&pool, &ledger);
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 1));
        }
        let release = one_of(&[true, false]);
        if release {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            let mut releasing = Threads::default();
            releasing.start(move || pool.release());
            threads.join();
            assert!(ledger.accepted() <= 1 + capacity);
            latch.open();
            releasing.join();
            assert_eq!(ledger.ran(), ledger.accepted());
        } else {
            pool.stop();
            threads.join();
            assert!(ledger.accepted() <= 1 + capacity);
            latch.open();
        }
        ledger.release_and_assert_settled(&pool);
    });
}

/// P3, P5: a thread that waits for a job wakes up when the job ends, even if the pool stops.
#[test]
fn waiting_for_a_job_races_a_stop() {
    explore(|| {
        let pool = Arc::new(pool(2, one_of(&[0, 1, 2])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                let before = ledger.ran();
                let ran = ledger.submit_and_wait(&pool, ledger.job());
                assert!(!ran || ledger.ran() > before);
            });
        }
        pool.stop();
        threads.join();
        ledger.release_and_assert_settled(&pool);
    });
}

/// P5: dropping the pool still runs the accepted jobs; then its threads end.
#[test]
fn a_dropped_pool_runs_what_was_queued() {
    explore(|| {
        let pool = Arc::new(pool(2, 2).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        drop(pool);
        threads.join();
        // The checker itself waits for all threads to end.
        while ledger.ran() < 4 {
            thread::yield_now();
        }
    });
}

/// P5: the same holds if one of its own jobs drops the pool.
#[test]
fn a_pool_may_be_dropped_on_its_own_worker() {
    explore(|| {
        let (workers, capacity) = one_of(&[(1, 4), (2, 2), (2, 4)]);
        let pool = Arc::new(pool(workers, capacity).build().unwrap());
        let ledger = Ledger::default();
        let last = Arc::clone(&pool);
        let (latch, job) = ledger.latched();
        let submitted = pool.submit(ledger.job_that(move || {
            job();
            drop(last);
        }));
        assert!(ledger.record(submitted));
        latch.wait_running();
        ledger.submit(&pool, 2);
        drop(pool);
        latch.open();
        while ledger.ran() < 4 {
            thread::yield_now();
        }
    });
}

/// P5: a job that stops or releases its own pool does not wait for itself, and two of them do not wait for each other.
#[test]
fn jobs_that_close_their_pool_race_a_release_outside() {
    explore(|| {
        let pool = Arc::new(pool(2, 4).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for stops in [one_of(&[true, false]), one_of(&[true, false])] {
            let inside = Arc::clone(&pool);
            let closes = ledger.job_that(move || match stops {
                true => inside.stop(),
                false => inside.release(),
            });
            ledger.record(pool.submit(closes));
        }
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        pool.release();
        threads.join();
        ledger.assert_settled(&pool);
    });
}

/// P3, P5: with `DropOldest`, every job is accounted for while the pool is released: it ran, was discarded, or was returned.
#[test]
fn dropping_the_oldest_races_a_release() {
    explore(|| {
        let pool = pool(one_of(&[1, 2]), one_of(&[1, 2])).overflow(Overflow::DropOldest);
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        pool.release();
        let ran = ledger.ran();
        threads.join();
        assert_eq!(ran, ledger.ran());
        ledger.assert_settled(&pool);
    });
}
