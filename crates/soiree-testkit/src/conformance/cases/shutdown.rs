//! P5: stopping and releasing.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use soiree_core::{DrainTimeout, SubmitError, SubmitErrorReason, WaitError};

use super::nesting::run_on_worker;
use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;

/// A pool of one worker, which is busy, and three jobs behind it.
fn pool_with_three_queued(fixture: &Fixture) -> (PoolUnderTest, Latch, TrackedJobs) {
    let pool = fixture.pool(1, 8);
    let held = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(3);
    for number in 0..3 {
        fixture.submit(&pool, tracked.job(number));
    }
    (pool, held, tracked)
}

pub(crate) fn p5_stop_drops_queued_jobs(fixture: &Fixture) {
    let (pool, held, tracked) = pool_with_three_queued(fixture);
    pool.stop();
    held.release();
    fixture.wait_until(
        &pool,
        "all three jobs that waited were dropped or had run",
        || tracked.total_drops() + tracked.total_runs() == 3,
    );
    let ran = tracked.total_runs();
    fixture.assert(ran == 0, || {
        format!("{ran} of three jobs that waited at the stop ran all the same")
    });
}

pub(crate) fn p5_stop_counts_dropped_jobs_as_discarded(fixture: &Fixture) {
    let (pool, held, _) = pool_with_three_queued(fixture);
    pool.stop();
    held.release();
    fixture.wait_until(&pool, "all four jobs were counted as ended", || {
        pool.ended() == 4
    });
    let stats = pool.stats();
    fixture.assert(stats.discarded == 3 && stats.successful == 1, || {
        format!("one job ran, and three waited as the pool was stopped: {stats:?}")
    });
}

pub(crate) fn p5_stop_lets_running_jobs_finish(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let tracked = TrackedJobs::new(1);
    let (latch, job) = Latch::new();
    fixture.submit(&pool, tracked.job_with(0, move || drop(job.run())));
    fixture.wait_until_running(&pool, &latch);
    pool.stop();
    latch.release();
    fixture.wait_until(&pool, "the job that ran at the stop had ended", || {
        tracked.runs(0) == 1
    });
}

pub(crate) fn p5_release_runs_queued_jobs(fixture: &Fixture) {
    let (pool, held, tracked) = pool_with_three_queued(fixture);
    let release = {
        let pool = pool.clone();
        fixture.spawn("a release", move || pool.release())
    };
    release.wait_until_blocked();
    held.release();
    fixture.wait_until(
        &pool,
        "all three jobs that waited had run or were dropped",
        || tracked.total_drops() + tracked.total_runs() == 3,
    );
    let dropped = tracked.total_drops();
    fixture.assert(dropped == 0, || {
        format!("{dropped} of three jobs that waited at the release were dropped")
    });
    release.join();
}

pub(crate) fn p5_release_returns_after_all_jobs_have_ended(fixture: &Fixture) {
    for _ in 0..10 {
        let pool = fixture.pool(2, 8);
        let tracked = TrackedJobs::new(10);
        for number in 0..10 {
            fixture.submit(&pool, tracked.job_with(number, std::thread::yield_now));
        }
        pool.release();
        let ended = tracked.total_runs() + tracked.total_drops();
        fixture.assert(ended == 10, || {
            format!("release returned when {ended} of 10 jobs had ended")
        });
    }
}

pub(crate) fn p5_a_release_past_its_deadline_reports_running_jobs(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let held = fixture.occupy_workers(&pool, 2);
    let released = pool.release_with_deadline(Instant::now());
    fixture.assert(released == Err(DrainTimeout::new(2, 0)), || {
        format!("two jobs run and none waits at the deadline: {released:?}")
    });
    drop(held);
}

pub(crate) fn p5_a_release_past_its_deadline_drops_queued_jobs(fixture: &Fixture) {
    let (pool, held, tracked) = pool_with_three_queued(fixture);
    let released = pool.release_with_deadline(Instant::now() + Duration::from_millis(1));
    fixture.assert(released == Err(DrainTimeout::new(1, 3)), || {
        format!("one job runs and three wait at the deadline: {released:?}")
    });
    let stats = pool.stats();
    fixture.assert(stats.discarded == 3, || {
        format!("three jobs were dropped at the deadline: {stats:?}")
    });
    held.release();
    fixture.wait_until(&pool, "the jobs that waited were dropped", || {
        tracked.total_drops() == 3
    });
}

pub(crate) fn p5_a_release_before_its_deadline_returns_ok(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for _ in 0..5 {
        fixture.submit(&pool, || {});
    }
    let released = pool.release_with_deadline(Instant::now() + fixture.timeout * 10);
    fixture.assert(released == Ok(()), || {
        format!("all jobs end long before the deadline: {released:?}")
    });
}

pub(crate) fn p5_workers_end_after_a_release(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.occupy_workers(&pool, 2));
    pool.release();
    fixture.wait_until(&pool, "no worker lived any more", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p5_workers_end_after_a_stop(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.occupy_workers(&pool, 2));
    pool.stop();
    fixture.wait_until(&pool, "no worker lived any more", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p5_stop_and_release_can_be_repeated_from_any_thread(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.occupy_workers(&pool, 2));
    let ends: Vec<_> = (0..4)
        .map(|thread| {
            let pool = pool.clone();
            fixture.spawn("one of four ends", move || {
                for step in 0..4 {
                    if (thread + step) % 2 == 0 {
                        pool.stop();
                    } else {
                        pool.release();
                    }
                }
            })
        })
        .collect();
    for end in ends {
        end.join();
    }
}

pub(crate) fn p5_a_stop_ends_a_release_in_progress(fixture: &Fixture) {
    let (pool, held, tracked) = pool_with_three_queued(fixture);
    let release = {
        let pool = pool.clone();
        fixture.spawn("a release", move || pool.release())
    };
    release.wait_until_blocked();
    pool.stop();
    held.release();
    release.join();
    fixture.wait_until(&pool, "the jobs that waited were dropped", || {
        tracked.total_drops() == 3
    });
}

pub(crate) fn p5_a_job_may_stop_its_own_pool(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    run_on_worker(
        fixture,
        &pool,
        "a job that stops its own pool had ended",
        |pool| {
            pool.stop();
            pool.stop();
        },
    );
}

pub(crate) fn p5_jobs_may_release_their_own_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let both = Arc::new(Barrier::new(2));
    let (said, done) = channel();
    for _ in 0..2 {
        let (inner, both, said) = (pool.clone(), Arc::clone(&both), said.clone());
        fixture.submit(&pool, move || {
            both.wait();
            inner.release();
            let _ = said.send(());
        });
    }
    for _ in 0..2 {
        fixture.recv("two jobs that release their own pool had ended", &done);
    }
}

pub(crate) fn p5_concurrent_releases_all_return(fixture: &Fixture) {
    for round in 0..10 {
        let pool = fixture.pool(3, 1 + round % 4);
        for _ in 0..4 {
            let inner = pool.clone();
            let submitted = pool.submit(move || inner.release());
            if submitted.is_err() {
                break;
            }
        }
        let releases: Vec<_> = (0..2)
            .map(|_| {
                let pool = pool.clone();
                fixture.spawn("one of many releases", move || pool.release())
            })
            .collect();
        for release in releases {
            release.join();
        }
    }
}

/// What a closed pool has to say to a job.
fn closed(fixture: &Fixture, call: &str, submitted: Result<(), SubmitError>) {
    match submitted {
        Ok(()) => fixture.fail(&format!("{call} accepts a job")),
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(matches!(reason, SubmitErrorReason::Closed), || {
                format!("the reason that {call} gave was: {reason:?}")
            });
        }
    }
}

fn assert_rejects_all(fixture: &Fixture, pool: &PoolUnderTest) {
    closed(fixture, "submit", pool.submit(|| {}));
    closed(fixture, "try_submit", pool.try_submit(|| {}));
    let late = Instant::now() + fixture.timeout * 10;
    closed(fixture, "submit_before", pool.submit_before(|| {}, late));
    let waited = pool.submit_and_wait(|| {});
    fixture.assert(matches!(waited, Err(WaitError::Rejected(_))), || {
        format!("submit_and_wait said: {waited:?}")
    });
}

pub(crate) fn p5_jobs_are_rejected_after_a_stop(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    fixture.occupy_worker(&pool).release();
    pool.stop();
    assert_rejects_all(fixture, &pool);
}

pub(crate) fn p5_jobs_are_rejected_after_a_release(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    fixture.occupy_worker(&pool).release();
    pool.release();
    assert_rejects_all(fixture, &pool);
}

pub(crate) fn p5_jobs_are_rejected_after_a_release_past_its_deadline(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let held = fixture.occupy_worker(&pool);
    let ended = pool.release_with_deadline(Instant::now());
    fixture.assert(ended.is_err(), || {
        format!("a job still runs at the deadline: {ended:?}")
    });
    closed(fixture, "submit", pool.submit(|| {}));
    closed(fixture, "try_submit", pool.try_submit(|| {}));
    held.release();
}

pub(crate) fn p5_blocked_submitters_wake_when_the_pool_stops(fixture: &Fixture) {
    for _ in 0..4 {
        let pool = fixture.pool(1, 1);
        let held = fixture.occupy_worker(&pool);
        fixture.fill_queue(&pool, 1);
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                fixture.spawn("a submit that waits as the pool stops", move || {
                    pool.submit(|| {})
                })
            })
            .collect();
        for submitter in &submitters {
            submitter.wait_until_blocked();
        }
        pool.stop();
        for submitter in submitters {
            closed(
                fixture,
                "a submit that waits as the pool stops",
                submitter.join(),
            );
        }
        held.release();
    }
}

pub(crate) fn p5_blocked_submitters_wake_when_the_pool_is_released(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let held = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let submitter = {
        let pool = pool.clone();
        fixture.spawn("a submit that waits as the pool is released", move || {
            pool.submit(|| {})
        })
    };
    submitter.wait_until_blocked();
    let release = {
        let pool = pool.clone();
        fixture.spawn("a release", move || pool.release())
    };
    // The held job ends after the submitter's wait, so that no place can have come free for it.
    closed(
        fixture,
        "a submit that waits as the pool is released",
        submitter.join(),
    );
    held.release();
    release.join();
}

pub(crate) fn p5_submit_and_wait_returns_when_its_job_is_dropped(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let held = fixture.occupy_worker(&pool);
    let waiter = {
        let pool = pool.clone();
        fixture.spawn("a submit_and_wait whose job is dropped", move || {
            pool.submit_and_wait(|| {})
        })
    };
    waiter.wait_until_blocked();
    pool.stop();
    let waited = waiter.join();
    fixture.assert(matches!(waited, Err(WaitError::Discarded)), || {
        format!("the job was dropped by a stop, and submit_and_wait said: {waited:?}")
    });
    held.release();
}

pub(crate) fn p5_a_job_cannot_submit_to_its_pool_during_a_release(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let (go, told) = channel::<()>();
    let inner = pool.clone();
    let (begun, begins) = channel();
    let (said, heard) = channel();
    fixture.submit(&pool, move || {
        let _ = begun.send(());
        let _ = told.recv();
        let _ = said.send(inner.submit(|| {}));
    });
    fixture.recv("the job runs", &begins);
    let release = {
        let pool = pool.clone();
        fixture.spawn("a release", move || pool.release())
    };
    release.wait_until_blocked();
    fixture.wait_until(&pool, "the pool was closed to this thread", || {
        let rejected = pool.try_submit(|| {}).err();
        rejected.is_some_and(|rejected| matches!(rejected.reason, SubmitErrorReason::Closed))
    });
    drop(go);
    let submitted = fixture.recv("the job had submitted", &heard);
    release.join();
    closed(fixture, "submit", submitted);
}
