//! Places that are reserved for jobs to come.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::{Latch, Order, assert_at_rest, in_time, until};
use soiree_pool::{Job, Overflow, Pool, SubmitErrorReason, WorkerPool};

fn pool_of(workers: usize, capacity: usize, overflow: Overflow) -> Arc<WorkerPool> {
    let builder = WorkerPool::builder().max_workers(workers);
    Arc::new(
        builder
            .capacity(capacity)
            .overflow(overflow)
            .build()
            .unwrap(),
    )
}

fn counts(pool: &WorkerPool) -> (usize, usize, u64) {
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    (stats.reserved, stats.waiting, stats.rejected)
}

/// P2: a reserved place counts like a waiting job. A job that uses it is not rejected, whatever the overflow policy is.
#[test]
fn a_reserved_place_is_kept_whatever_the_policy_is() {
    for overflow in [
        Overflow::BlockFor(Duration::ZERO),
        Overflow::Reject,
        Overflow::DropOldest,
    ] {
        let pool = pool_of(1, 2, overflow);
        let latch = Latch::block_worker(&pool);
        let order = Order::default();
        let (first, second) = (pool.try_reserve().unwrap(), pool.try_reserve().unwrap());
        assert_eq!(counts(&pool), (2, 0, 0));
        let full = pool.try_reserve().unwrap_err();
        assert!(matches!(full, SubmitErrorReason::Full { capacity: 2 }));
        let rejected = pool.submit(order.job(9)).unwrap_err();
        assert!(
            matches!(
                rejected.reason,
                SubmitErrorReason::Full { .. } | SubmitErrorReason::TimedOut { .. }
            ),
            "{overflow:?}: there is no job to replace"
        );
        first.submit(order.job(0)).unwrap();
        second.submit(order.job(1)).unwrap();
        assert_eq!(counts(&pool), (0, 2, 1));
        latch.open();
        pool.release();
        assert_eq!(order.ran(), [0, 1]);
        assert_at_rest(&pool);
    }
}

/// P2: a place that is given back goes to the first of those who wait for one, and nobody who waits is overtaken by a reservation.
#[test]
fn a_place_that_is_given_back_goes_to_the_first_who_waits() {
    let pool = pool_of(1, 1, Overflow::Block);
    let latch = Latch::block_worker(&pool);
    let order = Order::default();
    let place = pool.try_reserve().unwrap();
    thread::scope(|scope| {
        for number in 0..2 {
            let (pool, job) = (&pool, order.job(number));
            scope.spawn(move || pool.submit(job).unwrap());
            until("it is blocked", || pool.stats().blocked == number + 1);
        }
        drop(place);
        until("one has a place", || pool.stats().blocked == 1);
        assert_eq!(counts(&pool), (0, 1, 0));
        assert!(pool.try_reserve().is_err(), "it would overtake the other");
        latch.open();
    });
    pool.release();
    assert_eq!(order.ran(), [0, 1]);
    assert_at_rest(&pool);
}

/// P2: jobs go to idle workers although every place in the queue is reserved, so nobody who waits hangs.
#[test]
fn reserved_places_keep_no_worker_from_its_work() {
    let pool = pool_of(2, 1, Overflow::Block);
    let place = pool.try_reserve().unwrap();
    let ran = in_time("submitting to idle workers", {
        let pool = Arc::clone(&pool);
        move || {
            let order = Order::default();
            (0..100).for_each(|number| pool.submit(order.job(number)).unwrap());
            until("all have run", || order.ran().len() == 100);
            order.ran().len()
        }
    });
    assert_eq!((ran, pool.stats().reserved), (100, 1));
    drop(place);
    pool.release();
    assert_at_rest(&pool);
}

/// P5: a pool that is closed keeps no place, and ends without waiting for reservations. They do not keep it alive.
#[test]
fn a_closed_pool_waits_for_no_reservation() {
    for close in [Pool::stop, Pool::release] as [fn(&WorkerPool); 2] {
        let pool = pool_of(1, 2, Overflow::Block);
        let (used, unused) = (pool.try_reserve().unwrap(), pool.try_reserve().unwrap());
        let closing = Arc::clone(&pool);
        in_time("closing", move || close(&closing));
        assert!(matches!(pool.try_reserve(), Err(SubmitErrorReason::Closed)));
        let rejected = used.submit(Job::new(|| {})).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        drop(unused);
        assert_eq!(counts(&pool), (0, 0, 1));
        until("its worker has left", || pool.stats().running == 0);
    }
    let pool = pool_of(1, 1, Overflow::Block);
    let place = pool.try_reserve().unwrap();
    drop(Arc::into_inner(pool));
    let rejected = place.submit(Job::new(|| {})).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
}

/// P5: what was requeued runs in a release, although every place is reserved.
#[test]
fn a_release_runs_requeued_jobs_beside_reservations() {
    let pool = pool_of(1, 1, Overflow::Block);
    let latch = Latch::block_worker(&pool);
    let place = pool.try_reserve().unwrap();
    let order = Order::default();
    (0..3).for_each(|number| pool.requeue(order.job(number)).unwrap());
    latch.open();
    let releasing = Arc::clone(&pool);
    in_time("releasing", move || releasing.release());
    assert_eq!(order.ran(), [0, 1, 2]);
    drop(place);
    assert_at_rest(&pool);
}

/// P8: if no worker can be started, neither a place is reserved nor a job accepted that has one. The place is given back.
#[test]
fn a_place_without_a_thread_is_an_error() {
    let fails = Arc::new(AtomicBool::new(true));
    let in_handler = Arc::clone(&fails);
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(1)
        .idle_timeout(Duration::from_millis(1))
        .spawn_handler(move |thread, body| {
            if in_handler.load(Ordering::SeqCst) {
                return Err(io::Error::other("no threads"));
            }
            thread.spawn(body).map(drop)
        });
    let pool = pool.build().unwrap();
    let refused = pool.try_reserve().unwrap_err();
    assert!(matches!(refused, SubmitErrorReason::Spawn(_)));
    fails.store(false, Ordering::SeqCst);
    let (first, order) = (pool.try_reserve().unwrap(), Order::default());
    until("the worker has left", || pool.stats().running == 0);
    fails.store(true, Ordering::SeqCst);
    let rejected = first.submit(order.job(0)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    assert_eq!(counts(&pool), (0, 0, 1));
    fails.store(false, Ordering::SeqCst);
    let second = pool.try_reserve().unwrap();
    until("the worker has left", || pool.stats().running == 0);
    second.submit(order.job(1)).unwrap();
    pool.release();
    assert_eq!(order.ran(), [1]);
    assert_at_rest(&pool);
}

/// P2: a capacity of 0 has no place to reserve.
#[test]
fn a_pool_without_a_queue_reserves_nothing() {
    let pool = pool_of(2, 0, Overflow::Block);
    assert!(!pool.reserves_places());
    let full = pool.try_reserve().unwrap_err();
    assert!(matches!(full, SubmitErrorReason::Full { capacity: 0 }));
    pool.release();
    assert_at_rest(&pool);
}

/// P1, P3: reservations that are used and given back while others submit, and the pool is resized, lose neither a job nor a place.
#[test]
fn reservations_among_other_jobs_lose_nothing() {
    const ROUNDS: usize = 2_000;
    let pool = pool_of(3, 3, Overflow::Reject);
    let ran = Arc::new(AtomicUsize::new(0));
    let job = || {
        let ran = Arc::clone(&ran);
        Job::new(move || {
            ran.fetch_add(1, Ordering::SeqCst);
        })
    };
    let accepted = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..3 {
            let (pool, accepted, job) = (&pool, &accepted, &job);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let is_accepted = match (thread, pool.try_reserve()) {
                        (0, _) => pool.submit(job()).is_ok(),
                        (_, Ok(place)) if round % 3 > 0 => {
                            place.submit(job()).expect("it has a place");
                            true
                        }
                        _ => false,
                    };
                    accepted.fetch_add(usize::from(is_accepted), Ordering::SeqCst);
                    let stats = pool.stats();
                    assert!(stats.is_balanced() && stats.waiting <= 3 && stats.reserved <= 3);
                }
            });
        }
        for round in 0..200 {
            pool.resize(1 + round % 3).unwrap();
        }
    });
    assert_eq!(pool.stats().reserved, 0);
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), accepted.load(Ordering::SeqCst));
    assert_at_rest(&pool);
}
