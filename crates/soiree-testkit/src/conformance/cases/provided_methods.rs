//! The provided methods of `Pool`: each does what its docs say.

use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{DrainTimeout, Job, JobOutcome, Pool, PoolStats, WaitError};

use super::nesting::run_on_worker;
use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;

pub(crate) fn submit_and_wait_returns_after_the_job_has_ended(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let tracked = TrackedJobs::new(20);
    for number in 0..20 {
        let waited = pool.submit_and_wait(tracked.job_with(number, thread::yield_now));
        let ran = tracked.runs(number);
        fixture.assert(waited.is_ok() && ran == 1, || {
            format!("it returned {waited:?} after the job had run {ran} times")
        });
    }
}

pub(crate) fn submit_and_wait_reports_a_panic(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let waited = pool.submit_and_wait(|| resume_unwind(Box::new("on purpose")));
    fixture.assert(
        matches!(&waited, Err(WaitError::Panicked(panic)) if panic.message() == "on purpose"),
        || format!("the job panicked with \"on purpose\", but it returned {waited:?}"),
    );
}

pub(crate) fn submit_all_and_wait_returns_after_all_jobs_have_ended(fixture: &Fixture) {
    let pool = fixture.pool(2, 16);
    let tracked = TrackedJobs::new(10);
    let jobs = (0..10).map(|number| tracked.job_with(number, thread::yield_now));
    let waited = pool.submit_all_and_wait(jobs.collect());
    let ran = tracked.total_runs();
    fixture.assert(waited.is_ok() && ran == 10, || {
        format!("it returned {waited:?} after {ran} of 10 jobs had ended")
    });
}

pub(crate) fn submit_all_and_wait_returns_the_first_error(fixture: &Fixture) {
    let pool = fixture.pool(2, 16);
    let tracked = TrackedJobs::new(1);
    let jobs = vec![
        Job::new(|| {}),
        Job::new(|| resume_unwind(Box::new("first"))),
        Job::new(|| resume_unwind(Box::new("second"))),
        tracked.job(0),
    ];
    let waited = pool.submit_all_and_wait(jobs);
    let ran = tracked.total_runs();
    fixture.assert(
        matches!(&waited, Err(WaitError::Panicked(panic)) if panic.message() == "first")
            && ran == 1,
        || {
            format!(
                "the second job is the first to panic, and the last job ran {ran} times: {waited:?}"
            )
        },
    );
}

pub(crate) fn submit_before_submits_the_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let late = Instant::now() + fixture.timeout * 10;
    let submitted = pool.submit_before(|| {}, late);
    fixture.wait_until(&pool, "the job has been counted as successful", || {
        pool.stats().successful == 1
    });
    let stats = pool.stats();
    fixture.assert(submitted.is_ok() && stats.submitted == 1, || {
        format!("one job was submitted, and submit_before returned {submitted:?}: {stats:?}")
    });
}

pub(crate) fn try_submit_never_blocks(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    for _ in 0..3 {
        let submitted = pool.try_submit(|| {});
        fixture.assert(submitted.is_err(), || {
            "it accepted a job although the queue is full".into()
        });
    }
    latch.release();
}

pub(crate) fn submit_now_submits_the_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let submitted = pool.submit_now(|| {});
    fixture.assert(submitted.is_ok(), || {
        format!("the queue has room, but the job was rejected: {submitted:?}")
    });
    fixture.wait_until(&pool, "the job has been counted as successful", || {
        pool.stats().successful == 1
    });
}

pub(crate) fn submit_now_never_blocks(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let submitted = pool.submit_now(|| {});
    fixture.assert(submitted.is_err(), || {
        "it accepted a job although the queue is full".into()
    });
    latch.release();
}

pub(crate) fn run_inline_runs_the_job_on_the_caller(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job that runs another one inline has ended";
    let ran_here = run_on_worker(fixture, &pool, what, |pool| {
        let (sender, ran_on) = channel();
        let outcome = pool.run_inline(move || {
            let _ = sender.send(thread::current().id());
        });
        let here = ran_on.try_recv() == Ok(thread::current().id());
        here && matches!(outcome, Ok(JobOutcome::Completed))
    });
    fixture.assert(ran_here, || {
        "it returned before the job had ended on the calling thread".into()
    });
}

pub(crate) fn run_inline_returns_the_outcome(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job that runs another one inline has ended";
    let panicked = run_on_worker(fixture, &pool, what, |pool| {
        let outcome = pool.run_inline(|| resume_unwind(Box::new("on purpose")));
        matches!(outcome, Ok(JobOutcome::Panicked(_)))
    });
    fixture.assert(panicked, || {
        "the job panicked, but it returned another outcome".into()
    });
}

pub(crate) fn run_inline_counts_the_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job that runs another one inline has ended";
    run_on_worker(fixture, &pool, what, |pool| {
        drop(pool.run_inline(|| {}));
    });
    fixture.wait_until(&pool, "both jobs have been counted as successful", || {
        pool.stats().successful == 2
    });
    let stats = pool.stats();
    fixture.assert(stats.submitted == 2, || {
        format!("one job was submitted and ran another one inline: {stats:?}")
    });
}

pub(crate) fn stop_and_wait_for_returns_after_running_jobs_have_ended(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let tracked = TrackedJobs::new(1);
    let (latch, job) = Latch::new();
    fixture.submit(&pool, tracked.job_with(0, move || drop(job.run())));
    fixture.wait_until_running(&pool, &latch);
    let stop = {
        let pool = pool.clone();
        let timeout = fixture.timeout * 10;
        fixture.spawn("stop_and_wait_for", move || pool.stop_and_wait_for(timeout))
    };
    stop.wait_until_blocked();
    latch.release();
    let stopped = stop.join();
    let ran = tracked.runs(0);
    fixture.assert(stopped == Ok(()) && ran == 1, || {
        format!("it returned {stopped:?} after the running job had ended {ran} times")
    });
}

pub(crate) fn stop_and_wait_for_runs_queued_jobs(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(3);
    (0..3).for_each(|number| fixture.submit(&pool, tracked.job(number)));
    let stop = {
        let pool = pool.clone();
        let timeout = fixture.timeout * 10;
        fixture.spawn("stop_and_wait_for", move || pool.stop_and_wait_for(timeout))
    };
    stop.wait_until_blocked();
    latch.release();
    let stopped = stop.join();
    let (ran, stats) = (tracked.total_runs(), pool.stats());
    fixture.assert(
        stopped == Ok(()) && ran == 3 && stats.discarded == 0,
        || format!("it returned {stopped:?} long before its timeout, after {ran} of three queued jobs had run: {stats:?}"),
    );
}

pub(crate) fn stop_and_wait_for_reports_running_jobs(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let latches = fixture.occupy_workers(&pool, 2);
    let stopped = pool.stop_and_wait_for(Duration::ZERO);
    fixture.assert(stopped == Err(DrainTimeout::new(2, 0)), || {
        format!("two jobs run and none is queued at the timeout: {stopped:?}")
    });
    drop(latches);
}

/// A pool whose stats do not change, and are mostly different numbers.
fn pool_with_distinct_stats(fixture: &Fixture) -> (PoolUnderTest, Vec<Latch>) {
    let pool = fixture.pool(2, 8);
    for number in 0..7 {
        if number < 4 {
            fixture.submit(&pool, || {});
        } else {
            fixture.submit(&pool, || resume_unwind(Box::new(())));
        }
    }
    fixture.wait_until(&pool, "seven jobs have ended", || pool.ended() == 7);
    let latches = fixture.occupy_workers(&pool, 2);
    for _ in 0..3 {
        fixture.submit(&pool, || {});
    }
    (pool, latches)
}

/// Asserts that a method returns the same number as the field of the stats.
fn assert_agrees(fixture: &Fixture, method: fn(&dyn Pool) -> u64, field: fn(&PoolStats) -> u64) {
    let (pool, latches) = pool_with_distinct_stats(fixture);
    let (returned, stats) = (method(pool.pool()), pool.stats());
    fixture.assert(returned == field(&stats), || {
        format!("it returned {returned}, but the stats are {stats:?}")
    });
    drop(latches);
}

pub(crate) fn running_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(
        fixture,
        |pool| pool.running() as u64,
        |stats| stats.running as u64,
    );
}

pub(crate) fn idle_workers_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(
        fixture,
        |pool| pool.idle_workers() as u64,
        |stats| stats.idle as u64,
    );
}

pub(crate) fn submitted_tasks_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(
        fixture,
        |pool| pool.submitted_tasks(),
        |stats| stats.submitted,
    );
}

pub(crate) fn waiting_tasks_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(
        fixture,
        |pool| pool.waiting_tasks() as u64,
        |stats| stats.waiting as u64,
    );
}

pub(crate) fn successful_tasks_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(
        fixture,
        |pool| pool.successful_tasks(),
        |stats| stats.successful,
    );
}

pub(crate) fn failed_tasks_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(fixture, |pool| pool.failed_tasks(), |stats| stats.failed);
}

pub(crate) fn completed_tasks_agrees_with_stats(fixture: &Fixture) {
    assert_agrees(fixture, |pool| pool.completed_tasks(), PoolStats::completed);
}
