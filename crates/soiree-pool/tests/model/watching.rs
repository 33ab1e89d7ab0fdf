//! Reading the statistics while the pool is used.

use std::sync::Arc;
use std::time::Instant;

use soiree_pool::{Overflow, Pool, PoolStats, WorkerPool};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, one_of, pool};

/// Asserts what holds in every snapshot, and between a snapshot and the one before it.
#[track_caller]
fn assert_true(before: &PoolStats, now: &PoolStats, limit: usize) {
    assert!(now.is_balanced(), "{now:?}");
    assert!(now.waiting <= now.capacity, "{now:?}");
    assert!(now.idle <= now.running, "{now:?}");
    assert!(now.running <= limit, "{now:?}");
    // Not `submitted`: while counters change, a snapshot may show a lower number than the one before.
    for (was, is) in [
        (before.rejected, now.rejected),
        (before.successful, now.successful),
        (before.failed, now.failed),
        (before.expired, now.expired),
        (before.discarded, now.discarded),
    ] {
        assert!(was <= is, "{before:?} and then {now:?}");
    }
}

fn watch(pool: &WorkerPool, limit: usize) {
    let mut before = pool.stats();
    for _ in 0..6 {
        let now = pool.stats();
        assert_true(&before, &now, limit);
        before = now;
    }
}

/// P1, P2: in every snapshot the statistics add up, there are no more workers than the limit, and no count decreases.
#[test]
fn the_statistics_add_up_at_any_moment() {
    explore(|| {
        let overflow = one_of(&[Overflow::Block, Overflow::CallerRuns, Overflow::DropOldest]);
        let pool = pool(2, one_of(&[0, 1, 2])).overflow(overflow);
        let pool = Arc::new(pool.idle_timeout(one_of(&[NEVER, SOME])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 3));
        }
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                let past = Instant::now();
                let late = soiree_pool::Job::new(ledger.job()).before(past);
                ledger.record(pool.submit(late));
                let panics = ledger.job_that(|| std::panic::resume_unwind(Box::new("so")));
                ledger.record(pool.submit(panics));
            });
        }
        {
            let pool = Arc::clone(&pool);
            threads.start(move || match one_of(&[0, 1, 2]) {
                0 => pool.stop(),
                1 => pool.resize(1).unwrap(),
                _ => drop(pool.release_with_deadline(Instant::now() + SOME)),
            });
        }
        watch(&pool, 2);
        threads.join();
        ledger.release_and_assert_settled(&pool);
    });
}

/// P1, P2: while the limit changes, there are at most as many workers as the highest limit, plus one that is exiting.
#[test]
fn the_statistics_add_up_while_the_limit_changes() {
    explore(|| {
        let pool = pool(2, 2).idle_timeout(one_of(&[NEVER, SOME]));
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 4));
        }
        {
            let pool = Arc::clone(&pool);
            threads.start(move || [1, 2, 1].iter().for_each(|max| pool.resize(*max).unwrap()));
        }
        watch(&pool, 3);
        threads.join();
        ledger.release_and_assert_settled(&pool);
    });
}
