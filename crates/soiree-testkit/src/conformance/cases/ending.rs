//! P5: stopping and releasing.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use soiree_core::{DrainTimeout, SubmitError, SubmitErrorReason, WaitError};

use super::nesting::on_a_worker;
use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Fates, Latch};
use crate::conformance::subject::Subject;

/// A pool of one worker, which is busy, and three jobs behind it.
fn with_three_waiting(fixture: &Fixture) -> (Subject, Latch, Fates) {
    let pool = fixture.pool(1, 8);
    let held = fixture.hold(&pool);
    let fates = Fates::new(3);
    for number in 0..3 {
        fixture.accept(&pool, fates.job(number));
    }
    (pool, held, fates)
}

pub(crate) fn p5_stop_drops_queued_jobs(fixture: &Fixture) {
    let (pool, held, fates) = with_three_waiting(fixture);
    pool.stop();
    held.let_go();
    fixture.until(
        &pool,
        "all three jobs that waited were dropped or had run",
        || fates.all_dropped() + fates.all_ran() == 3,
    );
    let ran = fates.all_ran();
    fixture.check(ran == 0, || {
        format!("{ran} of three jobs that waited at the stop ran all the same")
    });
}

pub(crate) fn p5_stop_counts_dropped_jobs_as_discarded(fixture: &Fixture) {
    let (pool, held, _) = with_three_waiting(fixture);
    pool.stop();
    held.let_go();
    fixture.until(&pool, "all four jobs were counted as ended", || {
        pool.ended() == 4
    });
    let stats = pool.stats();
    fixture.check(stats.discarded == 3 && stats.successful == 1, || {
        format!("one job ran, and three waited as the pool was stopped: {stats:?}")
    });
}

pub(crate) fn p5_stop_lets_running_jobs_finish(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let fates = Fates::new(1);
    let (latch, job) = Latch::new();
    fixture.accept(&pool, fates.job_that(0, move || drop(job.run())));
    fixture.runs(&pool, &latch);
    pool.stop();
    latch.let_go();
    fixture.until(&pool, "the job that ran at the stop had ended", || {
        fates.ran(0) == 1
    });
}

pub(crate) fn p5_release_runs_queued_jobs(fixture: &Fixture) {
    let (pool, held, fates) = with_three_waiting(fixture);
    let release = {
        let pool = pool.clone();
        fixture.start("a release", move || pool.release())
    };
    release.settle();
    held.let_go();
    fixture.until(
        &pool,
        "all three jobs that waited had run or were dropped",
        || fates.all_dropped() + fates.all_ran() == 3,
    );
    let dropped = fates.all_dropped();
    fixture.check(dropped == 0, || {
        format!("{dropped} of three jobs that waited at the release were dropped")
    });
    release.join();
}

pub(crate) fn p5_release_returns_after_all_jobs_have_ended(fixture: &Fixture) {
    for _ in 0..10 {
        let pool = fixture.pool(2, 8);
        let fates = Fates::new(10);
        for number in 0..10 {
            fixture.accept(&pool, fates.job_that(number, std::thread::yield_now));
        }
        pool.release();
        let ended = fates.all_ran() + fates.all_dropped();
        fixture.check(ended == 10, || {
            format!("release returned when {ended} of 10 jobs had ended")
        });
    }
}

pub(crate) fn p5_a_release_past_its_deadline_reports_running_jobs(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let held = fixture.hold_all(&pool, 2);
    let released = pool.release_with_deadline(Instant::now());
    fixture.check(released == Err(DrainTimeout::new(2, 0)), || {
        format!("two jobs run and none waits at the deadline: {released:?}")
    });
    drop(held);
}

pub(crate) fn p5_a_release_past_its_deadline_drops_queued_jobs(fixture: &Fixture) {
    let (pool, held, fates) = with_three_waiting(fixture);
    let released = pool.release_with_deadline(Instant::now() + Duration::from_millis(1));
    fixture.check(released == Err(DrainTimeout::new(1, 3)), || {
        format!("one job runs and three wait at the deadline: {released:?}")
    });
    let stats = pool.stats();
    fixture.check(stats.discarded == 3, || {
        format!("three jobs were dropped at the deadline: {stats:?}")
    });
    held.let_go();
    fixture.until(&pool, "the jobs that waited were dropped", || {
        fates.all_dropped() == 3
    });
}

pub(crate) fn p5_a_release_before_its_deadline_returns_ok(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for _ in 0..5 {
        fixture.accept(&pool, || {});
    }
    let released = pool.release_with_deadline(Instant::now() + fixture.patience * 10);
    fixture.check(released == Ok(()), || {
        format!("all jobs end long before the deadline: {released:?}")
    });
}

pub(crate) fn p5_workers_end_after_a_release(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.hold_all(&pool, 2));
    pool.release();
    fixture.until(&pool, "no worker lived any more", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p5_workers_end_after_a_stop(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.hold_all(&pool, 2));
    pool.stop();
    fixture.until(&pool, "no worker lived any more", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p5_stop_and_release_can_be_repeated_from_any_thread(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    drop(fixture.hold_all(&pool, 2));
    let ends: Vec<_> = (0..4)
        .map(|thread| {
            let pool = pool.clone();
            fixture.start("one of four ends", move || {
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
    let (pool, held, fates) = with_three_waiting(fixture);
    let release = {
        let pool = pool.clone();
        fixture.start("a release", move || pool.release())
    };
    release.settle();
    pool.stop();
    held.let_go();
    release.join();
    fixture.until(&pool, "the jobs that waited were dropped", || {
        fates.all_dropped() == 3
    });
}

pub(crate) fn p5_a_job_may_stop_its_own_pool(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    on_a_worker(
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
        fixture.accept(&pool, move || {
            both.wait();
            inner.release();
            let _ = said.send(());
        });
    }
    for _ in 0..2 {
        fixture.receive("two jobs that release their own pool had ended", &done);
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
                fixture.start("one of many releases", move || pool.release())
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
        Err(refused) => {
            let reason = &refused.reason;
            fixture.check(matches!(reason, SubmitErrorReason::Closed), || {
                format!("the reason that {call} gave was: {reason:?}")
            });
        }
    }
}

fn refuses_all(fixture: &Fixture, pool: &Subject) {
    closed(fixture, "submit", pool.submit(|| {}));
    closed(fixture, "try_submit", pool.try_submit(|| {}));
    let late = Instant::now() + fixture.patience * 10;
    closed(fixture, "submit_before", pool.submit_before(|| {}, late));
    let waited = pool.submit_and_wait(|| {});
    fixture.check(matches!(waited, Err(WaitError::Rejected(_))), || {
        format!("submit_and_wait said: {waited:?}")
    });
}

pub(crate) fn p5_jobs_are_rejected_after_a_stop(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    fixture.hold(&pool).let_go();
    pool.stop();
    refuses_all(fixture, &pool);
}

pub(crate) fn p5_jobs_are_rejected_after_a_release(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    fixture.hold(&pool).let_go();
    pool.release();
    refuses_all(fixture, &pool);
}

pub(crate) fn p5_jobs_are_rejected_after_a_release_past_its_deadline(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let held = fixture.hold(&pool);
    let ended = pool.release_with_deadline(Instant::now());
    fixture.check(ended.is_err(), || {
        format!("a job still runs at the deadline: {ended:?}")
    });
    closed(fixture, "submit", pool.submit(|| {}));
    closed(fixture, "try_submit", pool.try_submit(|| {}));
    held.let_go();
}

pub(crate) fn p5_blocked_submitters_wake_when_the_pool_stops(fixture: &Fixture) {
    for _ in 0..4 {
        let pool = fixture.pool(1, 1);
        let held = fixture.hold(&pool);
        fixture.fill(&pool, 1);
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                fixture.start("a submit that waits as the pool stops", move || {
                    pool.submit(|| {})
                })
            })
            .collect();
        for submitter in &submitters {
            submitter.settle();
        }
        pool.stop();
        for submitter in submitters {
            closed(
                fixture,
                "a submit that waits as the pool stops",
                submitter.join(),
            );
        }
        held.let_go();
    }
}

pub(crate) fn p5_blocked_submitters_wake_when_the_pool_is_released(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let held = fixture.hold(&pool);
    fixture.fill(&pool, 1);
    let submitter = {
        let pool = pool.clone();
        fixture.start("a submit that waits as the pool is released", move || {
            pool.submit(|| {})
        })
    };
    submitter.settle();
    let release = {
        let pool = pool.clone();
        fixture.start("a release", move || pool.release())
    };
    // The held job ends after the submitter's wait, so that no place can have come free for it.
    closed(
        fixture,
        "a submit that waits as the pool is released",
        submitter.join(),
    );
    held.let_go();
    release.join();
}

pub(crate) fn p5_submit_and_wait_returns_when_its_job_is_dropped(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let held = fixture.hold(&pool);
    let waiter = {
        let pool = pool.clone();
        fixture.start("a submit_and_wait whose job is dropped", move || {
            pool.submit_and_wait(|| {})
        })
    };
    waiter.settle();
    pool.stop();
    let waited = waiter.join();
    fixture.check(matches!(waited, Err(WaitError::Discarded)), || {
        format!("the job was dropped by a stop, and submit_and_wait said: {waited:?}")
    });
    held.let_go();
}

pub(crate) fn p5_a_job_cannot_submit_to_its_pool_during_a_release(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let (go, told) = channel::<()>();
    let inner = pool.clone();
    let (begun, begins) = channel();
    let (said, heard) = channel();
    fixture.accept(&pool, move || {
        let _ = begun.send(());
        let _ = told.recv();
        let _ = said.send(inner.submit(|| {}));
    });
    fixture.receive("the job runs", &begins);
    let release = {
        let pool = pool.clone();
        fixture.start("a release", move || pool.release())
    };
    release.settle();
    fixture.until(&pool, "the pool was closed to this thread", || {
        let refused = pool.try_submit(|| {}).err();
        refused.is_some_and(|refused| matches!(refused.reason, SubmitErrorReason::Closed))
    });
    drop(go);
    let submitted = fixture.receive("the job had submitted", &heard);
    release.join();
    closed(fixture, "submit", submitted);
}
