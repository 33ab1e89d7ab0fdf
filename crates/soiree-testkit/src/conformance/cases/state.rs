//! What a pool says about itself: whether it is closed or idle, and how high it went.

use std::time::Instant;

use soiree_core::{Job, PoolStats};

use super::nesting::run_on_worker;
use crate::conformance::fixture::Fixture;
use crate::conformance::latch::TrackedJobs;

pub(crate) fn p1_peaks_are_never_below_what_they_are_the_peaks_of(fixture: &Fixture) {
    let pool = fixture.pool(2, 4);
    let holds = |stats: &PoolStats| {
        let running = stats.peak_running == 0 || stats.peak_running >= stats.running;
        let waiting = stats.peak_waiting == 0 || stats.peak_waiting >= stats.waiting;
        running && waiting && stats.peak_waiting <= stats.capacity.max(stats.waiting)
    };
    let latches = fixture.occupy_workers(&pool, 2);
    let mut highest = PoolStats::default();
    for step in 0..4 {
        if step < 3 {
            fixture.submit(&pool, || {});
        } else {
            drop(latches);
            fixture.wait_until(&pool, "all five jobs have ended", || pool.ended() == 5);
            break;
        }
        highest = pool.stats();
        fixture.assert(holds(&highest), || {
            format!("a peak is below what it is the peak of, or above its limit: {highest:?}")
        });
    }
    let stats = pool.stats();
    let stayed = stats.peak_running >= highest.peak_running;
    fixture.assert(
        holds(&stats) && stayed && stats.peak_waiting >= highest.peak_waiting,
        || format!("a peak fell; first {highest:?}, then {stats:?}"),
    );
}

pub(crate) fn is_closed_says_whether_the_pool_was_stopped_or_released(fixture: &Fixture) {
    for stops in [true, false] {
        let pool = fixture.pool(1, 4);
        let before = pool.pool().is_closed();
        match stops {
            true => pool.stop(),
            false => pool.release(),
        }
        let after = pool.pool().is_closed();
        fixture.assert(!before && after, || {
            format!("it returned {before} while the pool was open, and {after} afterwards")
        });
    }
}

pub(crate) fn wait_idle_returns_after_the_last_job_has_ended(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let never = Instant::now() + fixture.timeout * 10;
    fixture.assert(pool.wait_idle(never), || {
        "no job was submitted, but it returned false".into()
    });
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(3);
    (0..3).for_each(|number| fixture.submit(&pool, tracked.job(number)));
    let waiter = {
        let pool = pool.clone();
        fixture.spawn("wait_idle", move || pool.wait_idle(never))
    };
    waiter.wait_until_blocked();
    latch.release();
    let is_idle = waiter.join();
    let (ran, stats) = (tracked.total_runs(), pool.stats());
    fixture.assert(is_idle && ran == 3 && stats.is_idle(), || {
        format!("it returned {is_idle} after {ran} of three jobs had run: {stats:?}")
    });
    fixture.submit(&pool, || {});
}

pub(crate) fn wait_idle_returns_false_at_its_deadline(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let latch = fixture.occupy_worker(&pool);
    fixture.assert(!pool.wait_idle(Instant::now()), || {
        "a job runs, but it returned true".into()
    });
    latch.release();
}

pub(crate) fn wait_idle_on_a_worker_returns_false(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let never = Instant::now() + fixture.timeout * 10;
    let what = "a job that waits until its own pool is idle has ended";
    let is_idle = run_on_worker(fixture, &pool, what, move |pool| pool.wait_idle(never));
    fixture.assert(!is_idle, || {
        "a job of the pool runs, the one that waits, but it returned true".into()
    });
}

pub(crate) fn stop_and_take_jobs_returns_or_drops_each_queued_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(3);
    (0..3).for_each(|number| fixture.submit(&pool, tracked.job(number)));
    let mut taken = pool.stop_and_take_jobs();
    let (returned, dropped, stats) = (taken.len(), tracked.total_drops(), pool.stats());
    fixture.assert(
        returned + dropped == 3 && stats.discarded == 3 && stats.is_balanced(),
        || format!("three jobs were queued, {returned} returned and {dropped} dropped: {stats:?}"),
    );
    latch.release();
    fixture.assert(pool.submit(|| {}).is_err(), || {
        "the pool accepted a job after it had stopped".into()
    });
    taken.drain(..).map(Job::run).for_each(drop);
    let ran = tracked.total_runs();
    fixture.assert(ran == returned, || {
        format!("{returned} jobs were returned and run by the caller, and {ran} have run")
    });
}
