//! P1: the stats of a pool.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use soiree_core::{Job, PoolStats};

use crate::conformance::fixture::Fixture;
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

/// Upper bounds for the pool's counters. The test increases each before the pool can increase its own.
#[derive(Default)]
struct UpperBounds {
    submitted: AtomicU64,
    ended: AtomicU64,
}

/// Makes the observer thread end when dropped, also if the case fails.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Submits jobs from two threads and runs `check` after each job, and on a third thread all the time.
fn check_under_load(
    fixture: &Fixture,
    job: fn(&Arc<UpperBounds>, usize) -> Job,
    check: fn(&PoolUnderTest, &UpperBounds, &mut PoolStats) -> Result<(), String>,
) {
    const JOBS: usize = 300;
    let pool = fixture.pool(3, 7);
    let bounds = Arc::new(UpperBounds::default());
    let done = StopOnDrop(Arc::default());
    let observer = {
        let (pool, bounds, done) = (pool.clone(), Arc::clone(&bounds), Arc::clone(&done.0));
        fixture.spawn("observer of the stats", move || {
            let mut last = PoolStats::default();
            while !done.load(Ordering::SeqCst) {
                check(&pool, &bounds, &mut last)?;
            }
            Ok::<(), String>(())
        })
    };
    let submitters: Vec<_> = (0..2)
        .map(|_| {
            let (fixture, pool, bounds) = (fixture.clone(), pool.clone(), Arc::clone(&bounds));
            fixture.clone().spawn("submitter", move || {
                let mut last = PoolStats::default();
                for number in 0..JOBS {
                    bounds.submitted.fetch_add(1, Ordering::SeqCst);
                    fixture.submit(&pool, job(&bounds, number));
                    check(&pool, &bounds, &mut last)?;
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    let checked: Vec<_> = submitters.into_iter().map(|s| s.join()).collect();
    drop(done);
    for result in checked.into_iter().chain([observer.join()]) {
        if let Err(message) = result {
            fixture.fail(&message);
        }
    }
}

/// One job in three panics, and one in three is past its deadline.
fn mixed_job(_: &Arc<UpperBounds>, number: usize) -> Job {
    match number % 3 {
        0 => Job::new(|| resume_unwind(Box::new(()))),
        1 => Job::new(|| {}).before(Instant::now()),
        _ => Job::new(|| {}),
    }
}

fn counted_job(bounds: &Arc<UpperBounds>, _: usize) -> Job {
    let bounds = Arc::clone(bounds);
    Job::new(move || {
        bounds.ended.fetch_add(1, Ordering::SeqCst);
    })
}

pub(crate) fn p1_stats_balance_at_every_moment(fixture: &Fixture) {
    check_under_load(fixture, mixed_job, |pool, _, _| {
        let stats = pool.stats();
        if stats.is_balanced() {
            return Ok(());
        }
        Err(format!(
            "the stats miss accepted jobs or count them twice: {stats:?}"
        ))
    });
}

pub(crate) fn p1_counters_of_ended_jobs_never_decrease(fixture: &Fixture) {
    check_under_load(fixture, mixed_job, |pool, _, last| {
        let stats = pool.stats();
        let decreased = stats.successful < last.successful
            || stats.failed < last.failed
            || stats.expired < last.expired
            || stats.discarded < last.discarded
            || stats.rejected < last.rejected;
        if decreased {
            return Err(format!(
                "a counter decreased; first {last:?}, then {stats:?}"
            ));
        }
        *last = stats;
        Ok(())
    });
}

pub(crate) fn p1_no_counter_exceeds_what_really_happened(fixture: &Fixture) {
    check_under_load(fixture, counted_job, |pool, bounds, _| {
        let stats = pool.stats();
        let submitted = bounds.submitted.load(Ordering::SeqCst);
        let ended = bounds.ended.load(Ordering::SeqCst);
        let is_possible = |count: usize| count as u64 <= submitted;
        let holds = stats.submitted <= submitted
            && stats.successful <= ended
            && is_possible(stats.waiting)
            && is_possible(stats.active)
            && stats.failed + stats.expired + stats.discarded == 0;
        if holds {
            return Ok(());
        }
        Err(format!(
            "at most {submitted} jobs were submitted and {ended} had ended, all without a panic: {stats:?}"
        ))
    });
}

pub(crate) fn p1_an_idle_pool_shows_no_waiting_and_no_active_jobs(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for number in 0..30 {
        fixture.submit(&pool, mixed_job(&Arc::default(), number));
    }
    fixture.wait_until(&pool, "all 30 jobs have ended", || pool.ended() == 30);
    fixture.wait_until(&pool, "no job has remained waiting or active", || {
        let stats = pool.stats();
        stats.waiting == 0 && stats.active == 0
    });
}

pub(crate) fn p1_active_counts_the_running_jobs_exactly(fixture: &Fixture) {
    let pool = fixture.pool(3, 8);
    for running in 1..=3 {
        let latches = fixture.occupy_workers(&pool, running);
        let stats = pool.stats();
        fixture.assert(stats.active == running, || {
            format!("exactly {running} jobs run, and no other job was submitted: {stats:?}")
        });
        drop(latches);
        fixture.wait_until(&pool, "the running jobs have ended", || {
            pool.stats().active == 0
        });
    }
}

pub(crate) fn p1_waiting_counts_the_queued_jobs_exactly(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let latches = fixture.occupy_workers(&pool, 2);
    for waiting in 1..=5 {
        fixture.submit(&pool, || {});
        let stats = pool.stats();
        fixture.assert(stats.waiting == waiting, || {
            format!("exactly {waiting} jobs wait behind the two that run: {stats:?}")
        });
    }
    drop(latches);
}

pub(crate) fn p1_running_counts_the_live_workers(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let latches = fixture.occupy_workers(&pool, 2);
    let stats = pool.stats();
    fixture.assert(stats.running == 2, || {
        format!("two workers live, as each of two jobs runs on one: {stats:?}")
    });
    drop(latches);
}

pub(crate) fn p1_idle_counts_the_workers_without_a_job(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let mut latches = fixture.occupy_workers(&pool, 2);
    let stats = pool.stats();
    fixture.assert(stats.idle == 0, || {
        format!("both workers run a job, so none is idle: {stats:?}")
    });
    latches.truncate(1);
    fixture.wait_until(&pool, "all workers except one have become idle", || {
        let stats = pool.stats();
        stats.active == 1 && stats.idle + 1 == stats.running
    });
}

pub(crate) fn p1_a_job_is_counted_before_a_wait_for_it_returns(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for round in 1..=300 {
        let failing = || Job::new(|| resume_unwind(Box::new("on purpose")));
        let waited = [
            pool.submit_and_wait(|| {}),
            pool.submit_and_wait(failing()),
            pool.submit_all_and_wait(vec![Job::new(|| {}), failing()]),
        ];
        let stats = pool.stats();
        let failed = waited.iter().filter(|waited| waited.is_err()).count();
        fixture.assert(failed == 2, || {
            format!(
                "one of two jobs that were waited for panicked, and one of two others: {waited:?}"
            )
        });
        let is_counted = stats.successful == 2 * round && stats.failed == 2 * round;
        fixture.assert(is_counted && stats.active == 0, || {
            format!(
                "{} jobs returned, as many panicked, and a thread has waited for each: {stats:?}",
                2 * round
            )
        });
    }
}

pub(crate) fn p1_a_job_that_returns_is_counted_as_successful(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for _ in 0..5 {
        fixture.submit(&pool, || {});
    }
    fixture.wait_until(&pool, "five jobs have ended", || pool.ended() == 5);
    let stats = pool.stats();
    fixture.assert(stats.successful == 5, || {
        format!("five jobs returned: {stats:?}")
    });
}

pub(crate) fn p1_a_job_that_panics_is_counted_as_failed(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for _ in 0..5 {
        fixture.submit(&pool, || resume_unwind(Box::new("on purpose")));
    }
    fixture.wait_until(&pool, "five jobs have panicked", || pool.ended() == 5);
    let stats = pool.stats();
    fixture.assert(stats.failed == 5 && stats.successful == 0, || {
        format!("five jobs panicked: {stats:?}")
    });
}

pub(crate) fn p1_a_job_rejected_by_a_closed_pool_is_counted_only_as_rejected(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    pool.release();
    let rejected = (0..3).filter(|_| pool.submit(|| {}).is_err()).count() as u64;
    let stats = pool.stats();
    fixture.assert(
        stats.rejected == rejected && stats.submitted + rejected == 3,
        || format!("{rejected} of three jobs were rejected: {stats:?}"),
    );
}

pub(crate) fn p1_a_job_rejected_by_a_full_pool_is_counted_only_as_rejected(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let latch = fixture.occupy_worker(&pool);
    let filled = fixture.fill_queue(&pool, 2) as u64;
    let stats = pool.stats();
    fixture.assert(stats.rejected == 1 && stats.submitted == 1 + filled, || {
        format!("one job runs, {filled} wait, and one was rejected: {stats:?}")
    });
    latch.release();
}

pub(crate) fn p1_stats_show_max_workers(fixture: &Fixture) {
    for workers in [1, 3] {
        let stats = fixture.pool(workers, 5).stats();
        fixture.assert(stats.max_workers == workers, || {
            format!("max_workers is {workers}: {stats:?}")
        });
    }
}

pub(crate) fn p1_stats_show_the_capacity(fixture: &Fixture) {
    for capacity in [1, 5] {
        let stats = fixture.pool(2, capacity).stats();
        fixture.assert(stats.capacity == capacity, || {
            format!("the capacity is {capacity}: {stats:?}")
        });
    }
}

pub(crate) fn p1_stats_show_min_workers(fixture: &Fixture) {
    let mut spec = PoolSpec::new(3, 5);
    spec.min_workers = 2;
    let stats = fixture.build(spec).stats();
    fixture.assert(stats.min_workers == 2, || {
        format!("min_workers is 2: {stats:?}")
    });
}
