//! Releasing with a deadline.

use std::sync::Arc;
use std::time::Instant;

use soiree_pool::Pool;

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, SOME, block_worker, one_of, pool};

/// P5: a release with a deadline and one without both return, and the one with a deadline reports what was left.
#[test]
fn a_release_races_one_with_a_deadline() {
    explore(|| {
        let pool = Arc::new(pool(one_of(&[1, 2]), 4).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        ledger.submit(&pool, 3);
        {
            let pool = Arc::clone(&pool);
            threads.start(move || pool.release());
        }
        let released = pool.release_with_deadline(Instant::now() + SOME);
        threads.join();
        ledger.release_and_assert_settled(&pool);
        let discarded = pool.stats().discarded as usize;
        match released {
            Ok(()) => assert_eq!(discarded, 0),
            // A job that counts as active may still be discarded.
            Err(left) => {
                let possible = left.discarded..=left.discarded + left.active;
                assert!(possible.contains(&discarded), "{left:?} of {discarded}");
            }
        }
    });
}

/// P5: a deadline that passes while a job runs reports that job and all waiting ones.
#[test]
fn a_deadline_reports_what_was_left() {
    explore(|| {
        let pool = Arc::new(pool(1, 4).build().unwrap());
        let ledger = Ledger::default();
        let latch = block_worker(&pool, &ledger);
        let mut threads = Threads::default();
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        let left = pool
            .release_with_deadline(Instant::now() + SOME)
            .unwrap_err();
        threads.join();
        assert_eq!((left.active, left.discarded), (1, ledger.accepted() - 1));
        assert_eq!(pool.stats().active, 1);
        latch.open();
        ledger.release_and_assert_settled(&pool);
    });
}

/// P5: stopping with a timeout returns, whether jobs still run or not.
#[test]
fn stopping_with_a_timeout_races_submitters() {
    explore(|| {
        let pool = Arc::new(pool(2, 2).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        let ended = pool.stop_and_wait_for(SOME);
        let running = ledger.running();
        assert!(ended.is_err() || running == 0);
        threads.join();
        ledger.release_and_assert_settled(&pool);
    });
}
