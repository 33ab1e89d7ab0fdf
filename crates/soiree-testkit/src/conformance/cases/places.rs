//! `try_reserve`: places that are kept for jobs to come.

use soiree_core::{Job, Reservation, SubmitErrorReason};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;

fn try_reserve(fixture: &Fixture, pool: &PoolUnderTest) -> Reservation {
    match pool.try_reserve() {
        Ok(place) => place,
        Err(reason) => fixture.fail(&format!(
            "there is a place in the queue, but it is not reserved: {reason}; {:?}",
            pool.stats()
        )),
    }
}

pub(super) fn submit_to(fixture: &Fixture, place: Reservation, job: Job) {
    if let Err(rejected) = place.submit(job) {
        fixture.fail(&format!(
            "a job with a reserved place is rejected: {rejected}"
        ));
    }
}

pub(super) fn assert_reserved(fixture: &Fixture, pool: &PoolUnderTest, places: usize) {
    let stats = pool.stats();
    fixture.assert(stats.reserved == places, || {
        format!("{places} places are reserved: {stats:?}")
    });
}

pub(super) fn assert_full(fixture: &Fixture, pool: &PoolUnderTest) {
    match pool.try_submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(matches!(reason, SubmitErrorReason::Full { .. }), || {
                format!("every place is taken or kept, but the reason is {reason:?}")
            });
        }
        Ok(()) => fixture.fail("try_submit takes a place that is kept for another job"),
    }
}

/// A pool with one worker, which is busy, and a queue with one job, which will be, too.
pub(super) fn busy_pool(fixture: &Fixture) -> (PoolUnderTest, Latch, Latch) {
    let pool = fixture.pool(1, 1);
    let first = fixture.occupy_worker(&pool);
    let (second, job) = Latch::new();
    fixture.submit(&pool, job);
    (pool, first, second)
}

pub(crate) fn p2_a_reserved_place_counts_as_one(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(1);
    let place = try_reserve(fixture, &pool);
    assert_reserved(fixture, &pool, 1);
    fixture.submit(&pool, || {});
    assert_full(fixture, &pool);
    submit_to(fixture, place, tracked.job(0));
    let stats = pool.stats();
    fixture.assert((stats.reserved, stats.waiting) == (0, 2), || {
        format!("the job uses its place: {stats:?}")
    });
    latch.release();
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
}

pub(crate) fn p2_a_reserved_place_that_is_dropped_is_free_again(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let latch = fixture.occupy_worker(&pool);
    for _ in 0..4 {
        let places = [(); 2].map(|()| try_reserve(fixture, &pool));
        fixture.assert(pool.try_reserve().is_err(), || {
            "the queue has two places, but three are reserved".into()
        });
        drop(places);
        assert_reserved(fixture, &pool, 0);
    }
    fixture.fill_queue(&pool, 2);
    let stats = pool.stats();
    fixture.assert(stats.waiting == 2, || {
        format!("the places were given back, and two jobs were submitted: {stats:?}")
    });
    latch.release();
}

pub(crate) fn try_reserve_never_blocks(fixture: &Fixture) {
    let (pool, _first, _second) = busy_pool(fixture);
    let reserving = pool.clone();
    let reserved = fixture.spawn("try_reserve on a full pool", move || {
        reserving.try_reserve()
    });
    let reserved = reserved.join();
    let is_full = matches!(reserved, Err(SubmitErrorReason::Full { .. }));
    fixture.assert(is_full, || format!("the queue is full: {reserved:?}"));
}

pub(crate) fn try_reserve_keeps_no_place_without_a_queue(fixture: &Fixture) {
    let pool = fixture.pool(1, 0);
    let (reserved, reserves) = (pool.try_reserve(), pool.pool().reserves_places());
    let is_full = matches!(reserved, Err(SubmitErrorReason::Full { capacity: 0 }));
    fixture.assert(is_full && !reserves, || {
        format!("the queue has no place: {reserved:?}, and reserves_places is {reserves}")
    });
}

pub(crate) fn p5_a_closed_pool_keeps_no_places(fixture: &Fixture) {
    let close: [fn(&PoolUnderTest); 2] = [PoolUnderTest::stop, PoolUnderTest::release];
    for close in close {
        let pool = fixture.pool(1, 2);
        let [used, unused] = [(); 2].map(|()| try_reserve(fixture, &pool));
        let closing = pool.clone();
        fixture
            .spawn("close a pool with reserved places", move || close(&closing))
            .join();
        let tracked = TrackedJobs::new(1);
        match used.submit(tracked.job(0)) {
            Ok(()) => fixture.fail("a closed pool accepts a job for a reserved place"),
            Err(rejected) => {
                let reason = &rejected.reason;
                fixture.assert(matches!(reason, SubmitErrorReason::Closed), || {
                    format!("the pool is closed, but the reason is {reason:?}")
                });
                drop(rejected.into_job().run());
            }
        }
        drop(unused);
        let (ran, stats) = (tracked.runs(0), pool.stats());
        fixture.assert(ran == 1 && stats.reserved == 0, || {
            format!("the job in the error ran {ran} times, and no place is kept: {stats:?}")
        });
        let reserved = pool.try_reserve();
        fixture.assert(matches!(reserved, Err(SubmitErrorReason::Closed)), || {
            format!("the pool is closed, but try_reserve returns {reserved:?}")
        });
    }
}
