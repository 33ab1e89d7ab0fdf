//! P6: jobs that have to start in time.

use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Fates, Latch};
use crate::conformance::subject::Subject;

/// A pool whose only worker is let go when the deadline of the job behind it has passed.
fn too_late(fixture: &Fixture) -> (Subject, Latch, Fates) {
    let pool = fixture.pool(1, 4);
    let held = fixture.hold(&pool);
    let fates = Fates::new(1);
    let deadline = Instant::now() + Duration::from_millis(1);
    if let Err(refused) = pool.submit_before(fates.job(0), deadline) {
        fixture.fail(&format!("an open pool refused a job: {refused}"));
    }
    while Instant::now() <= deadline {
        std::thread::yield_now();
    }
    (pool, held, fates)
}

pub(crate) fn p6_a_job_that_starts_before_its_deadline_runs(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let fates = Fates::new(1);
    let deadline = Instant::now() + fixture.patience * 10;
    if let Err(refused) = pool.submit_before(fates.job(0), deadline) {
        fixture.fail(&format!("an open pool refused a job: {refused}"));
    }
    fixture.until(&pool, "the job had run", || fates.ran(0) == 1);
}

pub(crate) fn p6_a_job_past_its_deadline_is_dropped(fixture: &Fixture) {
    let (pool, held, fates) = too_late(fixture);
    held.let_go();
    fixture.until(&pool, "the late job was dropped or had run", || {
        fates.ran(0) + fates.dropped(0) > 0
    });
    fixture.check(fates.ran(0) == 0, || {
        "a job ran whose deadline had passed while it waited".into()
    });
}

pub(crate) fn p6_a_job_past_its_deadline_is_counted_as_expired(fixture: &Fixture) {
    let (pool, held, _) = too_late(fixture);
    held.let_go();
    fixture.until(&pool, "both jobs were counted as ended", || {
        pool.ended() == 2
    });
    let stats = pool.stats();
    fixture.check(stats.expired == 1 && stats.successful == 1, || {
        format!("one job ran, and one came too late: {stats:?}")
    });
}
