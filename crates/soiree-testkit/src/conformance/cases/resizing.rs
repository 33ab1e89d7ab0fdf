//! `resize`, and how P2 and P3 hold while the limit changes.

use soiree_core::{MAX_WORKERS, ResizeError};

use super::limits::ConcurrencyMeter;
use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

fn resize(fixture: &Fixture, pool: &PoolUnderTest, max_workers: usize) {
    if let Err(error) = pool.resize(max_workers) {
        fixture.fail(&format!("resize failed: {error}"));
    }
}

pub(crate) fn resize_shows_in_stats(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    for max_workers in [4, 1, 3] {
        resize(fixture, &pool, max_workers);
        let stats = pool.stats();
        fixture.assert(stats.max_workers == max_workers, || {
            format!("the pool was resized to {max_workers}: {stats:?}")
        });
    }
}

pub(crate) fn resize_to_0_workers_is_rejected(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let resized = pool.resize(0);
    let stats = pool.stats();
    fixture.assert(
        resized == Err(ResizeError::NoWorkers) && stats.max_workers == 2,
        || format!("resize(0) of a pool with max_workers 2 returned {resized:?}: {stats:?}"),
    );
}

pub(crate) fn resize_above_the_maximum_is_rejected(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let resized = pool.resize(usize::MAX);
    let stats = pool.stats();
    let is_rejected = matches!(resized, Err(ResizeError::TooLarge { .. }));
    fixture.assert(is_rejected && stats.max_workers == 2, || {
        format!("the maximum is {MAX_WORKERS}, and resize above it returned {resized:?}: {stats:?}")
    });
}

pub(crate) fn resize_below_min_workers_is_rejected(fixture: &Fixture) {
    let mut spec = PoolSpec::new(4, 4);
    spec.min_workers = 2;
    let pool = fixture.build(spec);
    let resized = pool.resize(1);
    let stats = pool.stats();
    fixture.assert(
        resized == Err(ResizeError::BelowMin { max: 1, min: 2 }) && stats.max_workers == 4,
        || {
            format!(
                "min_workers is 2 and max_workers 4, and resize(1) returned {resized:?}: {stats:?}"
            )
        },
    );
}

pub(crate) fn resize_accepts_no_more_workers_than_can_run(fixture: &Fixture) {
    const WORKERS: usize = 12;
    let pool = fixture.pool(1, 4);
    if let Err(error) = pool.resize(WORKERS) {
        let stats = pool.stats();
        fixture.assert(stats.max_workers == 1, || {
            format!("resize({WORKERS}) failed with {error:?}, but the limit has changed: {stats:?}")
        });
        return;
    }
    // On shared threads, the constructor rejects more workers than there are threads.
    drop(fixture.occupy_workers(&pool, WORKERS));
}

pub(crate) fn resize_up_starts_queued_jobs(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let first = fixture.occupy_worker(&pool);
    let (latches, jobs): (Vec<_>, Vec<_>) = (0..2).map(|_| Latch::new()).unzip();
    for job in jobs {
        fixture.submit(&pool, job);
    }
    resize(fixture, &pool, 3);
    for latch in &latches {
        fixture.wait_until_running(&pool, latch);
    }
    drop((first, latches));
}

pub(crate) fn resize_up_unblocks_submitters(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let first = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let (latch, job) = Latch::new();
    let submitter = {
        let pool = pool.clone();
        fixture.spawn("submit to a full queue", move || pool.submit(job).is_ok())
    };
    submitter.wait_until_blocked();
    resize(fixture, &pool, 2);
    fixture.wait_until_running(&pool, &latch);
    fixture.assert(submitter.join(), || {
        "the blocked submit was rejected although the pool has a new worker".into()
    });
    drop((first, latch));
}

pub(crate) fn resize_down_starts_no_job_above_the_new_limit(fixture: &Fixture) {
    let pool = fixture.pool(3, 32);
    for round in 0..20 {
        let max_workers = 1 + round % 2;
        let before = pool.ended();
        resize(fixture, &pool, 3);
        let latches = fixture.occupy_workers(&pool, 3);
        resize(fixture, &pool, max_workers);
        let meter = ConcurrencyMeter::default();
        for _ in 0..12 {
            fixture.submit(&pool, meter.job());
        }
        drop(latches);
        fixture.wait_until(&pool, "all jobs of the round have ended", || {
            pool.ended() == before + 15
        });
        let peak = meter.peak();
        fixture.assert(peak <= max_workers, || {
            format!("{peak} jobs submitted after a resize to {max_workers} ran at once")
        });
    }
}

pub(crate) fn resize_down_ends_workers_above_the_new_limit(fixture: &Fixture) {
    let mut spec = PoolSpec::new(3, 4);
    spec.idle_timeout = std::time::Duration::from_secs(3600);
    let pool = fixture.build(spec);
    drop(fixture.occupy_workers(&pool, 3));
    resize(fixture, &pool, 1);
    fixture.wait_until(&pool, "the workers above the limit have ended", || {
        pool.stats().running <= 1
    });
}

pub(crate) fn resize_down_and_up_again_loses_no_job(fixture: &Fixture) {
    let pool = fixture.pool(3, 16);
    let tracked = TrackedJobs::new(100);
    for round in 0..10 {
        let latches = fixture.occupy_workers(&pool, 1);
        for number in 0..10 {
            fixture.submit(&pool, tracked.job(10 * round + number));
        }
        resize(fixture, &pool, 1);
        drop(latches);
        resize(fixture, &pool, 3);
    }
    fixture.wait_until(&pool, "all 100 jobs have run", || {
        (0..100).all(|number| tracked.runs(number) == 1)
    });
}
