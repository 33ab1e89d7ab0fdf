//! P6: a job runs only if it starts before its deadline.

use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;

/// A pool with one busy worker and one queued job whose deadline has passed.
fn pool_with_late_job(fixture: &Fixture) -> (PoolUnderTest, Latch, TrackedJobs) {
    let pool = fixture.pool(1, 4);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(1);
    let deadline = Instant::now() + Duration::from_millis(1);
    if let Err(rejected) = pool.submit_before(tracked.job(0), deadline) {
        fixture.fail(&format!("an open pool rejected a job: {rejected}"));
    }
    while Instant::now() <= deadline {
        std::thread::yield_now();
    }
    (pool, latch, tracked)
}

pub(crate) fn p6_a_job_that_starts_before_its_deadline_runs(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let tracked = TrackedJobs::new(1);
    let deadline = Instant::now() + fixture.timeout * 10;
    if let Err(rejected) = pool.submit_before(tracked.job(0), deadline) {
        fixture.fail(&format!("an open pool rejected a job: {rejected}"));
    }
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
}

pub(crate) fn p6_a_job_past_its_deadline_is_dropped(fixture: &Fixture) {
    let (pool, latch, tracked) = pool_with_late_job(fixture);
    latch.release();
    fixture.wait_until(&pool, "the late job has been dropped or has run", || {
        tracked.runs(0) + tracked.drops(0) > 0
    });
    fixture.assert(tracked.runs(0) == 0, || {
        "a job ran although its deadline had passed while it waited".into()
    });
}

pub(crate) fn p6_a_job_past_its_deadline_is_counted_as_expired(fixture: &Fixture) {
    let (pool, latch, _) = pool_with_late_job(fixture);
    latch.release();
    fixture.wait_until(&pool, "both jobs have been counted as ended", || {
        pool.ended() == 2
    });
    let stats = pool.stats();
    fixture.assert(stats.expired == 1 && stats.successful == 1, || {
        format!("one job ran, and one was past its deadline: {stats:?}")
    });
}
