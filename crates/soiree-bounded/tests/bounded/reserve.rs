//! Places that are reserved for jobs to come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree_core::{DrainTimeout, Job, Overflow, Pool, PoolOptions, SubmitErrorReason};

use crate::common::{
    Behavior, RunLog, ScriptedExecutor, counting, counts, in_thread, submit_blocked, wait_until,
};

/// P2: a reserved place counts like a waiting job. A job that uses it is not rejected, whatever the overflow policy is.
#[test]
fn a_reserved_place_is_kept_whatever_the_policy_is() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool_with(PoolOptions::new(1, 2).overflow(overflow));
        pool.submit(log.job("runs")).unwrap();
        let places = [pool.try_reserve().unwrap(), pool.try_reserve().unwrap()];
        assert_eq!((pool.stats().reserved, counts(&pool)), (2, (1, 0, 1, 0, 0)));
        let full = pool.try_reserve().unwrap_err();
        assert!(matches!(full, SubmitErrorReason::Full { capacity: 2 }));
        let [first, second] = places;
        if overflow == Overflow::Reject {
            let rejected = pool.submit(log.job("rejected")).unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
        }
        first.submit(log.job("first")).unwrap();
        second.submit(log.job("second")).unwrap();
        assert_eq!((pool.stats().reserved, pool.stats().waiting), (0, 2));
        executor.run_all();
        assert_eq!(log.take(), ["runs", "first", "second"]);
    }
}

/// P2: a free worker is no place to reserve, and with a capacity of 0 there is none.
#[test]
fn no_more_places_are_reserved_than_the_queue_has() {
    for capacity in [0, 2] {
        let pool = ScriptedExecutor::new().pool(4, capacity);
        assert_eq!(pool.reserves_places(), capacity > 0);
        let places: Vec<_> = (0..8).map_while(|_| pool.try_reserve().ok()).collect();
        assert_eq!((places.len(), pool.stats().reserved), (capacity, capacity));
        assert!(pool.try_submit(Job::new(|| {})).is_ok(), "to a free worker");
    }
}

/// P2: with every place reserved, `DropOldest` has no job to replace that waits.
#[test]
fn a_new_job_replaces_no_reserved_place() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool_with(PoolOptions::new(1, 1).overflow(Overflow::DropOldest));
    let inner = Arc::clone(&pool);
    let new = log.job("new");
    pool.submit(Job::new(move || {
        let place = inner.try_reserve().unwrap();
        let rejected = inner.try_submit(new).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
        drop(place);
    }))
    .unwrap();
    executor.run_all();
    assert_eq!(counts(&pool), (0, 0, 1, 1, 1));
    assert_eq!(log.take(), [""; 0]);
}

/// P2: a place that is given back goes to the first of those who wait for one, and nobody who waits is overtaken by a reservation.
#[test]
fn a_place_that_is_given_back_goes_to_the_first_who_waits() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 1);
    pool.submit(log.job("runs")).unwrap();
    let place = pool.try_reserve().unwrap();
    let blocked = submit_blocked(&pool, log.job("blocked"));
    pool.requeue(log.job("requeued")).unwrap();
    drop(place);
    blocked.wait().unwrap();
    assert_eq!((pool.stats().requeued, pool.stats().waiting), (1, 1));
    assert!(pool.try_reserve().is_err(), "it would overtake the other");
    executor.run_all();
    assert_eq!(log.take(), ["runs", "blocked", "requeued"]);
}

/// P5: a pool that is closed keeps no place, and ends without waiting for reservations. They do not keep it alive.
#[test]
fn a_closed_pool_waits_for_no_reservation() {
    for stops in [false, true] {
        let executor = ScriptedExecutor::new();
        let pool = executor.pool(1, 2);
        let (used, unused) = (pool.try_reserve().unwrap(), pool.try_reserve().unwrap());
        let closing = Arc::clone(&pool);
        let closed = in_thread(move || match stops {
            true => closing.stop(),
            false => closing.release(),
        });
        closed.wait();
        assert!(matches!(pool.try_reserve(), Err(SubmitErrorReason::Closed)));
        let rejected = used.submit(Job::new(|| {})).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        drop(unused);
        assert_eq!((pool.stats().reserved, counts(&pool)), (0, (0, 0, 0, 1, 0)));
    }
    let pool = ScriptedExecutor::new().pool(1, 1);
    let place = pool.try_reserve().unwrap();
    drop(Arc::into_inner(pool));
    assert!(place.submit(Job::new(|| {})).is_err());
}

/// P8: if no permit can be sent, a job with a reserved place comes back, and the place is given back. Once some can be sent, what waits
/// comes before a reservation.
#[test]
fn a_job_with_a_place_and_no_worker_comes_back() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 1);
    let place = pool.try_reserve().unwrap();
    executor.set_behavior(Behavior::Fail);
    let rejected = place.submit(log.job("rejected")).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    assert_eq!((pool.stats().reserved, counts(&pool)), (0, (0, 0, 0, 1, 0)));
    pool.requeue(log.job("requeued")).unwrap();
    let refused = pool.try_reserve().unwrap_err();
    assert!(matches!(refused, SubmitErrorReason::Spawn(_)));
    executor.set_behavior(Behavior::Keep);
    let place = pool.try_reserve().unwrap();
    place.submit(log.job("placed")).unwrap();
    executor.run_all();
    assert_eq!(log.take(), ["requeued", "placed"]);
}

/// P2, P8: a job that relies on a permit which cannot be sent does not take a place that is reserved.
#[test]
fn a_failed_permit_takes_no_reserved_place() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(2, 1);
    pool.submit(log.job("runs")).unwrap();
    let place = pool.try_reserve().unwrap();
    executor.set_behavior(Behavior::Fail);
    let rejected = pool.submit(log.job("rejected")).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    place.submit(log.job("placed")).unwrap();
    assert_eq!(pool.stats().waiting, 1);
    executor.set_behavior(Behavior::Keep);
    executor.run_all();
    assert_eq!(log.take(), ["runs", "placed"]);
}

/// P2: after the limit of workers was lowered, a job with a place waits instead of being rejected, and no more jobs wait than may.
#[test]
fn a_place_outlives_a_lowered_limit() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(3, 1);
    for name in ["first", "second", "third"] {
        pool.submit(log.job(name)).unwrap();
    }
    let place = pool.try_reserve().unwrap();
    pool.resize(1).unwrap();
    place.submit(log.job("placed")).unwrap();
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!((stats.waiting, stats.requeued), (1, 0));
    executor.run_all();
    assert_eq!(log.take(), ["first", "second", "third", "placed"]);
    assert_eq!(
        pool.release_with_deadline(std::time::Instant::now()),
        Ok::<_, DrainTimeout>(())
    );
}

/// P1, P3: reservations that are used and given back while others submit lose neither a job nor a place.
#[test]
fn reservations_among_other_jobs_lose_nothing() {
    const ROUNDS: usize = 500;
    let executor = ScriptedExecutor::new();
    executor.set_behavior(Behavior::Spawn);
    let pool = executor.pool_with(PoolOptions::new(2, 2).overflow(Overflow::Reject));
    let (ran, accepted) = (Arc::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..3 {
            let (pool, ran, accepted) = (&pool, &ran, &accepted);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let is_accepted = match (number, pool.try_reserve()) {
                        (0, _) => pool.submit(counting(ran)).is_ok(),
                        (_, Ok(place)) if round % 3 > 0 => {
                            place.submit(counting(ran)).expect("it has a place");
                            true
                        }
                        _ => false,
                    };
                    accepted.fetch_add(usize::from(is_accepted), Ordering::SeqCst);
                    let stats = pool.stats();
                    assert!(stats.is_balanced() && stats.waiting + stats.reserved <= 2);
                }
            });
        }
    });
    wait_until("all have run", || pool.stats().is_idle());
    assert_eq!(pool.stats().reserved, 0);
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), accepted.load(Ordering::SeqCst));
}
