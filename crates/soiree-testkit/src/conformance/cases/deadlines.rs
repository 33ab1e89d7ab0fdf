//! P6: jobs that have to start in time.

use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;

/// A pool whose only worker is let go when the deadline of the job behind it has passed.
fn pool_with_late_job(fixture: &Fixture) -> (PoolUnderTest, Latch, TrackedJobs) {
    let pool = fixture.pool(1, 4);
    let held = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(1);
    let deadline = Instant::now() + Duration::from_millis(1);
    if let Err(rejected) = pool.submit_before(tracked.job(0), deadline) {
        fixture.fail(&format!("an open pool refused a job: {rejected}"));
    }
    while Instant::now() <= deadline {
        std::thread::yield_now();
    }
    (pool, held, tracked)
}

pub(crate) fn p6_a_job_that_starts_before_its_deadline_runs(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let tracked = TrackedJobs::new(1);
    let deadline = Instant::now() + fixture.timeout * 10;
    if let Err(rejected) = pool.submit_before(tracked.job(0), deadline) {
        fixture.fail(&format!("an open pool refused a job: {rejected}"));
    }
    fixture.wait_until(&pool, "the job had run", || tracked.runs(0) == 1);
}

pub(crate) fn p6_a_job_past_its_deadline_is_dropped(fixture: &Fixture) {
    let (pool, held, tracked) = pool_with_late_job(fixture);
    held.release();
    fixture.wait_until(&pool, "the late job was dropped or had run", || {
        tracked.runs(0) + tracked.drops(0) > 0
    });
    fixture.assert(tracked.runs(0) == 0, || {
        "a job ran whose deadline had passed while it waited".into()
    });
}

pub(crate) fn p6_a_job_past_its_deadline_is_counted_as_expired(fixture: &Fixture) {
    let (pool, held, _) = pool_with_late_job(fixture);
    held.release();
    fixture.wait_until(&pool, "both jobs were counted as ended", || {
        pool.ended() == 2
    });
    let stats = pool.stats();
    fixture.assert(stats.expired == 1 && stats.successful == 1, || {
        format!("one job ran, and one came too late: {stats:?}")
    });
}
