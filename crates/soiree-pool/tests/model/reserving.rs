//! Places that are kept for jobs to come, and tasks that wait for one, next to threads and requeued jobs.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use shuttle::future::block_on;
use shuttle::thread;
use soiree_core::Reservation;
use soiree_pool::{Job, Overflow, Pool, SubmitErrorReason, WorkerPool};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, block_worker, one_of, pool};
use crate::waiting::failing;

/// Waits for a place as a task does.
fn reserve(pool: &WorkerPool) -> Result<Reservation, SubmitErrorReason> {
    block_on(pool.reserve().expect("the pool can do this"))
}

/// Uses a place, or gives it back.
fn use_place(ledger: &Ledger, place: Reservation, uses: bool) {
    thread::yield_now();
    match uses {
        true => drop(ledger.record(place.submit(Job::new(ledger.job())))),
        false => drop(place),
    }
}

/// Polls once, and drops the future then, with a place or without.
fn give_up(pool: &WorkerPool) {
    let mut reserve = pin!(pool.reserve().expect("the pool can do this"));
    let polled = reserve
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    thread::yield_now();
    drop(polled);
}

#[track_caller]
fn assert_settled(pool: &WorkerPool, ledger: &Ledger) {
    ledger.release_and_assert_settled(pool);
    assert_eq!(pool.stats().reserved, 0);
}

/// A2, P3: all that wait get a place, when jobs end and when others give up or give their place back. Idle workers that are kept
/// may have to leave at any time.
#[test]
fn waiting_tasks_race_the_end_of_jobs_and_those_that_give_up() {
    explore(|| {
        let pool = pool(one_of(&[1, 2]), one_of(&[0, 1]));
        let pool = Arc::new(pool.idle_timeout(one_of(&[NEVER, SOME])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for what in 0..5 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            let uses = one_of(&[true, false]);
            threads.start(move || match what {
                0 | 1 => use_place(&ledger, reserve(&pool).expect("it is open"), uses),
                2 => give_up(&pool),
                3 => ledger.submit(&pool, 2),
                _ => ledger.requeue(&pool, 1),
            });
        }
        threads.join();
        assert_settled(&pool, &ledger);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// A2: a place that is granted while its future is dropped goes to the next task, and is not given twice.
#[test]
fn a_grant_races_the_drop_of_its_future() {
    explore(|| {
        let pool = Arc::new(pool(1, one_of(&[0, 1])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latch = block_worker(&pool, &ledger);
        ledger.submit(&pool, pool.stats().capacity);
        {
            let mut first = pin!(pool.reserve().expect("the pool can do this"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(first.as_mut().poll(&mut context).is_pending());
            {
                let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
                threads.start(move || {
                    let place = reserve(&pool).expect("it is open");
                    let stats = pool.stats();
                    assert!(stats.reserved <= stats.capacity + 1, "{stats:?}");
                    use_place(&ledger, place, true);
                });
            }
            latch.open();
            thread::yield_now();
            if one_of(&[true, false]) {
                drop(first.as_mut().poll(&mut context));
            }
        }
        threads.join();
        assert_settled(&pool, &ledger);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// P3, P5: a close ends every wait. A release runs what was accepted, whatever places are kept.
#[test]
fn waiting_tasks_race_the_end_of_the_pool() {
    explore(|| {
        let pool = Arc::new(pool(1, one_of(&[0, 1])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let kept = one_of(&[true, false]).then(|| reserve(&pool).expect("there is a worker"));
        for what in 0..4 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || match what {
                0 | 1 => match reserve(&pool) {
                    Ok(place) => use_place(&ledger, place, true),
                    Err(reason) => assert!(matches!(reason, SubmitErrorReason::Closed)),
                },
                2 => ledger.submit(&pool, 1),
                _ => ledger.requeue(&pool, 2),
            });
        }
        let how = one_of(&[0, 1, 2, 3]);
        match how {
            0 => pool.release(),
            1 => pool.stop(),
            2 => drop(pool.release_with_deadline(Instant::now())),
            _ => drop(pool.stop_and_take_jobs()),
        }
        threads.join();
        drop(kept);
        assert_settled(&pool, &ledger);
        assert!(how != 0 || ledger.ran() == ledger.accepted());
    });
}

/// P8: no task waits for a worker that nobody starts, however threads fail. Only without a worker is it an error.
#[test]
fn tasks_of_a_pool_whose_threads_fail_are_not_stranded() {
    explore(|| {
        let pool = failing(one_of(&[1, 2]), one_of(&[0, 1]));
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for what in 0..4 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            let uses = one_of(&[true, false]);
            threads.start(move || match what {
                0 | 1 => match reserve(&pool) {
                    Ok(place) => use_place(&ledger, place, uses),
                    Err(reason) => assert!(matches!(reason, SubmitErrorReason::Spawn(_))),
                },
                2 => ledger.submit(&pool, 1),
                _ => ledger.requeue(&pool, 1),
            });
        }
        threads.join();
        assert_settled(&pool, &ledger);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// P2, P3: places outlive a changing limit, and those who wait get one.
#[test]
fn places_race_a_changing_limit() {
    explore(|| {
        let overflow = one_of(&[Overflow::Block, Overflow::BlockFor(SOME)]);
        let pool = pool(one_of(&[1, 2, 3]), one_of(&[0, 1])).overflow(overflow);
        let pool = Arc::new(pool.idle_timeout(one_of(&[NEVER, SOME])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for what in 0..4 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            let uses = one_of(&[true, false]);
            threads.start(move || match what {
                0..3 => use_place(&ledger, reserve(&pool).expect("it is open"), uses),
                _ => ledger.submit(&pool, 2),
            });
        }
        for limit in [2, 1] {
            pool.resize(limit).unwrap();
        }
        threads.join();
        assert_settled(&pool, &ledger);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// A2: a task that comes later overtakes none of those that wait, and all of them get places when it gives up.
#[test]
fn a_task_that_comes_later_overtakes_nobody_who_waits() {
    explore(|| {
        let pool = Arc::new(pool(1, one_of(&[0, 1])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latch = block_worker(&pool, &ledger);
        ledger.submit(&pool, pool.stats().capacity);
        for number in 0..3 {
            let (waiting, ledger) = (Arc::clone(&pool), ledger.clone());
            let is_task = one_of(&[true, false]);
            threads.start(move || match is_task {
                true => use_place(&ledger, reserve(&waiting).expect("it is open"), true),
                false => ledger.submit(&waiting, 1),
            });
            while pool.stats().blocked <= number {
                thread::yield_now();
            }
        }
        {
            let mut last = pin!(pool.reserve().expect("the pool can do this"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(last.as_mut().poll(&mut context).is_pending());
            latch.open();
            // One place comes free after the other, and this is the last in line.
            while last.as_mut().poll(&mut context).is_pending() {
                thread::yield_now();
            }
            assert!(pool.stats().blocked == 0, "{:?}", pool.stats());
        }
        threads.join();
        assert_settled(&pool, &ledger);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// P1: a thread that waits until the pool is idle wakes when the last task has its place or gives up.
#[test]
fn waiting_until_the_pool_is_idle_races_waiting_tasks() {
    explore(|| {
        let pool = Arc::new(pool(1, 0).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for what in 0..3 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || match what {
                0 => use_place(&ledger, reserve(&pool).expect("it is open"), false),
                1 => give_up(&pool),
                _ => use_place(&ledger, reserve(&pool).expect("it is open"), true),
            });
        }
        let never = Instant::now() + Duration::from_secs(1 << 20);
        assert!(pool.wait_idle(never));
        threads.join();
        assert!(pool.wait_idle(never));
        assert_settled(&pool, &ledger);
    });
}
