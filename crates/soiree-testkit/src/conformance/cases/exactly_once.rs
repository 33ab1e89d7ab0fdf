//! P3: each accepted job runs exactly once, as counted by the jobs themselves and not by the pool's stats.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::TrackedJobs;
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

/// Submits jobs from three threads, and returns when the pool has accepted all of them.
fn submit_from_threads(
    fixture: &Fixture,
    pool: &PoolUnderTest,
    tracked: &TrackedJobs,
    each: usize,
) {
    let submitters: Vec<_> = (0..3)
        .map(|part| {
            let (fixture, pool, tracked) = (fixture.clone(), pool.clone(), tracked.clone());
            fixture.clone().spawn("submitter", move || {
                for number in part * each..(part + 1) * each {
                    fixture.submit(&pool, tracked.job(number));
                }
            })
        })
        .collect();
    for submitter in submitters {
        submitter.join();
    }
}

fn assert_each_ran_once(
    fixture: &Fixture,
    pool: &PoolUnderTest,
    tracked: &TrackedJobs,
    jobs: usize,
) {
    fixture.wait_until(pool, &format!("all {jobs} accepted jobs have run"), || {
        (0..jobs).all(|number| tracked.runs(number) > 0)
    });
    if let Some(number) = (0..jobs).find(|number| tracked.runs(*number) != 1) {
        let runs = tracked.runs(number);
        fixture.fail(&format!("job {number} of {jobs} ran {runs} times"));
    }
}

pub(crate) fn p3_each_accepted_job_runs_exactly_once(fixture: &Fixture) {
    const EACH: usize = 1_000;
    let pool = fixture.pool(4, 3);
    let tracked = TrackedJobs::new(3 * EACH);
    submit_from_threads(fixture, &pool, &tracked, EACH);
    assert_each_ran_once(fixture, &pool, &tracked, 3 * EACH);
}

pub(crate) fn p3_each_job_runs_exactly_once_while_workers_start_and_leave(fixture: &Fixture) {
    const EACH: usize = 300;
    let mut spec = PoolSpec::new(3, 3);
    spec.idle_timeout = Duration::from_nanos(1);
    let pool = fixture.build(spec);
    let tracked = TrackedJobs::new(3 * EACH);
    submit_from_threads(fixture, &pool, &tracked, EACH);
    assert_each_ran_once(fixture, &pool, &tracked, 3 * EACH);
}

pub(crate) fn p3_each_job_runs_exactly_once_while_the_pool_is_resized(fixture: &Fixture) {
    const EACH: usize = 300;
    let pool = fixture.pool(4, 3);
    let tracked = TrackedJobs::new(3 * EACH);
    let resizer = {
        let (pool, tracked) = (pool.clone(), tracked.clone());
        fixture.spawn("resizer", move || {
            for step in 0..3 * EACH {
                if let Err(error) = pool.resize([1, 3, 2, 4][step % 4]) {
                    return Err(format!("resize failed: {error}"));
                }
                if tracked.total_runs() == 3 * EACH {
                    break;
                }
                thread::yield_now();
            }
            Ok(())
        })
    };
    submit_from_threads(fixture, &pool, &tracked, EACH);
    if let Err(message) = resizer.join() {
        fixture.fail(&message);
    }
    assert_each_ran_once(fixture, &pool, &tracked, 3 * EACH);
}

pub(crate) fn p3_no_job_is_lost_while_the_last_worker_leaves(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 1);
    spec.idle_timeout = Duration::from_nanos(1);
    let pool = fixture.build(spec);
    for _ in 0..300 {
        let waited = pool.submit_and_wait(|| {});
        fixture.assert(waited.is_ok(), || {
            format!("a job submitted while the worker leaves must run, but submit_and_wait returned {waited:?}")
        });
    }
}

pub(crate) fn p3_jobs_that_wait_for_each_other_run_if_max_workers_allows(fixture: &Fixture) {
    for _ in 0..20 {
        let pool = fixture.pool(2, 4);
        let tracked = TrackedJobs::new(2);
        let both = Arc::new(Barrier::new(2));
        for number in 0..2 {
            let both = Arc::clone(&both);
            fixture.submit(
                &pool,
                tracked.job_with(number, move || {
                    both.wait();
                }),
            );
        }
        fixture.wait_until(
            &pool,
            "two jobs that wait for each other have both run",
            || tracked.total_runs() == 2,
        );
    }
}

/// Closes a pool with `close` while three threads submit jobs. Returns the jobs, and for each whether it was accepted.
fn race(fixture: &Fixture, capacity: usize, close: fn(&PoolUnderTest)) -> (TrackedJobs, Vec<bool>) {
    const EACH: usize = 15;
    let pool = fixture.pool(2, capacity);
    let tracked = TrackedJobs::new(3 * EACH);
    let submitted = Arc::new(AtomicUsize::new(0));
    let submitters: Vec<_> = (0..3)
        .map(|part| {
            let (pool, tracked, submitted) =
                (pool.clone(), tracked.clone(), Arc::clone(&submitted));
            fixture.spawn("submitter", move || {
                let mut accepted = Vec::new();
                for number in part * EACH..(part + 1) * EACH {
                    accepted.push(pool.submit(tracked.job(number)).is_ok());
                    submitted.fetch_add(1, Ordering::SeqCst);
                }
                accepted
            })
        })
        .collect();
    // So that the close is mostly neither before the first submit nor after the last.
    fixture.wait_until(&pool, "some jobs have been submitted", || {
        submitted.load(Ordering::SeqCst) > 2
    });
    close(&pool);
    let accepted: Vec<bool> = submitters.into_iter().flat_map(|s| s.join()).collect();
    fixture.wait_until(&pool, "each accepted job has run or been dropped", || {
        let has_ended = |number: usize| tracked.runs(number) + tracked.drops(number) > 0;
        (0..accepted.len()).all(|number| !accepted[number] || has_ended(number))
    });
    (tracked, accepted)
}

pub(crate) fn p3_jobs_that_race_a_stop_run_or_are_dropped_or_rejected(fixture: &Fixture) {
    for round in 0..30 {
        let (tracked, accepted) = race(fixture, 1 + round % 3, PoolUnderTest::stop);
        for (number, accepted) in accepted.into_iter().enumerate() {
            let (ran, dropped) = (tracked.runs(number), tracked.drops(number));
            fixture.assert(ran + dropped == 1 && (accepted || ran == 0), || {
                format!("job {number} (accepted: {accepted}) ran {ran} times and was dropped {dropped} times")
            });
        }
    }
}

pub(crate) fn p3_jobs_that_race_a_release_run_or_are_rejected(fixture: &Fixture) {
    for round in 0..30 {
        let (tracked, accepted) = race(fixture, 1 + round % 3, PoolUnderTest::release);
        for (number, accepted) in accepted.into_iter().enumerate() {
            let ran = tracked.runs(number);
            fixture.assert(ran == usize::from(accepted), || {
                format!("job {number} (accepted: {accepted}) ran {ran} times")
            });
        }
    }
}

pub(crate) fn p3_a_closed_pool_returns_the_rejected_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    pool.release();
    let tracked = TrackedJobs::new(1);
    if let Err(rejected) = pool.submit(tracked.job(0)) {
        drop(rejected.into_job().run());
    }
    fixture.wait_until(
        &pool,
        "the job has run, on the pool or after its rejection",
        || tracked.runs(0) == 1,
    );
}

pub(crate) fn p3_a_full_pool_returns_the_rejected_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let tracked = TrackedJobs::new(1);
    match pool.try_submit(tracked.job(0)) {
        Err(rejected) => drop(rejected.into_job().run()),
        Ok(()) => fixture.fail("the queue rejected one job as full but accepts the next"),
    }
    fixture.assert(tracked.runs(0) == 1, || {
        "the job in the error is not the submitted one".into()
    });
    latch.release();
}

/// Panics when dropped, with a payload that does not: a worker that died of one that does would abort the process.
struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        resume_unwind(Box::new("dropped"));
    }
}

fn assert_next_job_runs(fixture: &Fixture, pool: &PoolUnderTest) {
    let tracked = TrackedJobs::new(1);
    fixture.submit(pool, tracked.job(0));
    fixture.wait_until(pool, "the job after the panic has run", || {
        tracked.runs(0) == 1
    });
}

pub(crate) fn p3_jobs_after_a_panic_still_run(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    fixture.submit(&pool, || resume_unwind(Box::new("on purpose")));
    assert_next_job_runs(fixture, &pool);
}

pub(crate) fn p3_a_panic_payload_that_panics_on_drop_ends_no_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    fixture.submit(&pool, || resume_unwind(Box::new(PanicOnDrop)));
    assert_next_job_runs(fixture, &pool);
}
