//! P5: what stop and release do.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use soiree_core::{DrainTimeout, SubmitError, SubmitErrorReason, WaitError};

use super::nesting::run_on_worker;
use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;

/// A pool with one busy worker and three queued jobs.
fn pool_with_three_queued(fixture: &Fixture) -> (PoolUnderTest, Latch, TrackedJobs) {
    let pool = fixture.pool(1, 8);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(3);
    for number in 0..3 {
        fixture.submit(&pool, tracked.job(number));
    }
    (pool, latch, tracked)
}

pub(crate) fn p5_stop_drops_queued_jobs(fixture: &Fixture) {
    let (pool, latch, tracked) = pool_with_three_queued(fixture);
    pool.stop();
    latch.release();
    fixture.wait_until(
        &pool,
        "all three queued jobs have been dropped or have run",
        || tracked.total_drops() + tracked.total_runs() == 3,
    );
    let ran = tracked.total_runs();
    fixture.assert(ran == 0, || {
        format!("{ran} of three jobs ran although they were queued at the stop")
    });
}

pub(crate) fn p5_stop_counts_dropped_jobs_as_discarded(fixture: &Fixture) {
    let (pool, latch, _) = pool_with_three_queued(fixture);
    pool.stop();
    latch.release();
    fixture.wait_until(&pool, "all four jobs have been counted as ended", || {
        pool.ended() == 4
    });
    let stats = pool.stats();
    fixture.assert(stats.discarded == 3 && stats.successful == 1, || {
        format!("one job ran, and three were queued at the stop: {stats:?}")
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
    fixture.wait_until(&pool, "the job that ran at the stop has ended", || {
        tracked.runs(0) == 1
    });
}

pub(crate) fn p5_release_runs_queued_jobs(fixture: &Fixture) {
    let (pool, latch, tracked) = pool_with_three_queued(fixture);
    let release = {
        let pool = pool.clone();
        fixture.spawn("release", move || pool.release())
    };
    release.wait_until_blocked();
    latch.release();
    fixture.wait_until(
        &pool,
        "all three queued jobs have run or been dropped",
        || tracked.total_drops() + tracked.total_runs() == 3,
    );
    let dropped = tracked.total_drops();
    fixture.assert(dropped == 0, || {
        format!("{dropped} of three jobs were dropped although they were queued at the release")
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
            format!("release returned after only {ended} of 10 jobs had ended")
        });
    }
}

pub(crate) fn p5_a_release_past_its_deadline_reports_running_jobs(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let latches = fixture.occupy_workers(&pool, 2);
    let released = pool.release_with_deadline(Instant::now());
    fixture.assert(released == Err(DrainTimeout::new(2, 0)), || {
        format!("two jobs run and none is queued at the deadline: {released:?}")
    });
    drop(latches);
}

pub(crate) fn p5_a_release_past_its_deadline_drops_queued_jobs(fixture: &Fixture) {
    let (pool, latch, tracked) = pool_with_three_queued(fixture);
    let released = pool.release_with_deadline(Instant::now() + Duration::from_millis(1));
    fixture.assert(released == Err(DrainTimeout::new(1, 3)), || {
        format!("one job runs and three are queued at the deadline: {released:?}")
    });
    let stats = pool.stats();
    fixture.assert(stats.discarded == 3, || {
        format!("three jobs were dropped at the deadline: {stats:?}")
    });
    latch.release();
    fixture.wait_until(&pool, "the queued jobs have been dropped", || {
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
    fixture.wait_until(&pool, "all workers have ended", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p5_workers_end_after_a_stop(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.occupy_workers(&pool, 2));
    pool.stop();
    fixture.wait_until(&pool, "all workers have ended", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p5_stop_and_release_can_be_repeated_from_any_thread(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.occupy_workers(&pool, 2));
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let pool = pool.clone();
            fixture.spawn("one of four threads that stop and release", move || {
                for step in 0..4 {
                    if (number + step) % 2 == 0 {
                        pool.stop();
                    } else {
                        pool.release();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join();
    }
}

pub(crate) fn p5_a_stop_ends_a_release_in_progress(fixture: &Fixture) {
    let (pool, latch, tracked) = pool_with_three_queued(fixture);
    let release = {
        let pool = pool.clone();
        fixture.spawn("release", move || pool.release())
    };
    release.wait_until_blocked();
    pool.stop();
    latch.release();
    release.join();
    fixture.wait_until(&pool, "the queued jobs have been dropped", || {
        tracked.total_drops() == 3
    });
}

pub(crate) fn p5_a_job_may_stop_its_own_pool(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    run_on_worker(
        fixture,
        &pool,
        "a job that stops its own pool has ended",
        |pool| {
            pool.stop();
            pool.stop();
        },
    );
}

pub(crate) fn p5_jobs_may_release_their_own_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let both = Arc::new(Barrier::new(2));
    let (sender, done) = channel();
    for _ in 0..2 {
        let (inner, both, sender) = (pool.clone(), Arc::clone(&both), sender.clone());
        fixture.submit(&pool, move || {
            both.wait();
            inner.release();
            let _ = sender.send(());
        });
    }
    for _ in 0..2 {
        fixture.recv("two jobs that release their own pool have ended", &done);
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

/// Asserts that a closed pool rejected the job of `call`.
fn assert_closed(fixture: &Fixture, call: &str, submitted: Result<(), SubmitError>) {
    match submitted {
        Ok(()) => fixture.fail(&format!(
            "{call} accepted a job although the pool is closed"
        )),
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(matches!(reason, SubmitErrorReason::Closed), || {
                format!("the reason of {call} is {reason:?}")
            });
        }
    }
}

fn assert_rejects_all(fixture: &Fixture, pool: &PoolUnderTest) {
    assert_closed(fixture, "submit", pool.submit(|| {}));
    assert_closed(fixture, "try_submit", pool.try_submit(|| {}));
    let late = Instant::now() + fixture.timeout * 10;
    assert_closed(fixture, "submit_before", pool.submit_before(|| {}, late));
    let waited = pool.submit_and_wait(|| {});
    fixture.assert(matches!(waited, Err(WaitError::Rejected(_))), || {
        format!("submit_and_wait returned {waited:?}")
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
    let latch = fixture.occupy_worker(&pool);
    let released = pool.release_with_deadline(Instant::now());
    fixture.assert(released.is_err(), || {
        format!("a job still runs at the deadline: {released:?}")
    });
    assert_closed(fixture, "submit", pool.submit(|| {}));
    assert_closed(fixture, "try_submit", pool.try_submit(|| {}));
    latch.release();
}

pub(crate) fn p5_blocked_submitters_wake_when_the_pool_stops(fixture: &Fixture) {
    for _ in 0..4 {
        let pool = fixture.pool(1, 1);
        let latch = fixture.occupy_worker(&pool);
        fixture.fill_queue(&pool, 1);
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                fixture.spawn("submit that blocks while the pool stops", move || {
                    pool.submit(|| {})
                })
            })
            .collect();
        for submitter in &submitters {
            submitter.wait_until_blocked();
        }
        pool.stop();
        for submitter in submitters {
            assert_closed(
                fixture,
                "submit that blocks while the pool stops",
                submitter.join(),
            );
        }
        latch.release();
    }
}

pub(crate) fn p5_blocked_submitters_wake_when_the_pool_is_released(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let submitter = {
        let pool = pool.clone();
        fixture.spawn("submit that blocks while the pool is released", move || {
            pool.submit(|| {})
        })
    };
    submitter.wait_until_blocked();
    let release = {
        let pool = pool.clone();
        fixture.spawn("release", move || pool.release())
    };
    // The running job ends only after the submitter returned, so no room has become free for its job.
    assert_closed(
        fixture,
        "submit that blocks while the pool is released",
        submitter.join(),
    );
    latch.release();
    release.join();
}

pub(crate) fn p5_submit_and_wait_returns_when_its_job_is_dropped(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let latch = fixture.occupy_worker(&pool);
    let waiter = {
        let pool = pool.clone();
        fixture.spawn("submit_and_wait whose job is dropped", move || {
            pool.submit_and_wait(|| {})
        })
    };
    waiter.wait_until_blocked();
    pool.stop();
    let waited = waiter.join();
    fixture.assert(matches!(waited, Err(WaitError::Discarded)), || {
        format!("the stop dropped the job, but submit_and_wait returned {waited:?}")
    });
    latch.release();
}

pub(crate) fn p5_a_job_cannot_submit_to_its_pool_during_a_release(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let (go, may_submit) = channel::<()>();
    let inner = pool.clone();
    let (started, has_started) = channel();
    let (sender, receiver) = channel();
    fixture.submit(&pool, move || {
        let _ = started.send(());
        let _ = may_submit.recv();
        let _ = sender.send(inner.submit(|| {}));
    });
    fixture.recv("the job has started", &has_started);
    let release = {
        let pool = pool.clone();
        fixture.spawn("release", move || pool.release())
    };
    release.wait_until_blocked();
    fixture.wait_until(
        &pool,
        "the pool rejects jobs of this thread as closed",
        || {
            let rejected = pool.try_submit(|| {}).err();
            rejected.is_some_and(|rejected| matches!(rejected.reason, SubmitErrorReason::Closed))
        },
    );
    drop(go);
    let submitted = fixture.recv("the job has submitted another one", &receiver);
    release.join();
    assert_closed(fixture, "submit", submitted);
}
