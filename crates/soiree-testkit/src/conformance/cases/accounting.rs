//! P1: the figures.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use soiree_core::{Job, PoolStats};

use crate::conformance::fixture::Fixture;
use crate::conformance::spec::PoolSpec;
use crate::conformance::subject::Subject;

/// What is known of a pool without asking it. Each rises before the pool can know.
#[derive(Default)]
struct Truth {
    submitting: AtomicU64,
    ending: AtomicU64,
}

/// Tells the observer to end, also when the case fails.
struct Done(Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Lets jobs of one kind through a pool, and has its figures looked at: after each job, and by another thread meanwhile.
fn observe(
    fixture: &Fixture,
    job: fn(&Arc<Truth>, usize) -> Job,
    looks: fn(&Subject, &Truth, &mut PoolStats) -> Result<(), String>,
) {
    const JOBS: usize = 300;
    let pool = fixture.pool(3, 7);
    let truth = Arc::new(Truth::default());
    let done = Done(Arc::default());
    let observer = {
        let (pool, truth, done) = (pool.clone(), Arc::clone(&truth), Arc::clone(&done.0));
        fixture.start("the observer of the figures", move || {
            let mut last = PoolStats::default();
            while !done.load(Ordering::SeqCst) {
                looks(&pool, &truth, &mut last)?;
            }
            Ok::<(), String>(())
        })
    };
    let submitters: Vec<_> = (0..2)
        .map(|_| {
            let (fixture, pool, truth) = (fixture.clone(), pool.clone(), Arc::clone(&truth));
            fixture.clone().start("a submitter", move || {
                let mut last = PoolStats::default();
                for number in 0..JOBS {
                    truth.submitting.fetch_add(1, Ordering::SeqCst);
                    fixture.accept(&pool, job(&truth, number));
                    looks(&pool, &truth, &mut last)?;
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    let looked: Vec<_> = submitters.into_iter().map(|s| s.join()).collect();
    drop(done);
    for looked in looked.into_iter().chain([observer.join()]) {
        if let Err(message) = looked {
            fixture.fail(&message);
        }
    }
}

/// Every third job panics, and every third comes too late.
fn mixed(_: &Arc<Truth>, number: usize) -> Job {
    match number % 3 {
        0 => Job::new(|| resume_unwind(Box::new(()))),
        1 => Job::new(|| {}).before(Instant::now()),
        _ => Job::new(|| {}),
    }
}

fn ending(truth: &Arc<Truth>, _: usize) -> Job {
    let truth = Arc::clone(truth);
    Job::new(move || {
        truth.ending.fetch_add(1, Ordering::SeqCst);
    })
}

pub(crate) fn p1_stats_balance_at_every_moment(fixture: &Fixture) {
    observe(fixture, mixed, |pool, _, _| {
        let stats = pool.stats();
        if stats.is_balanced() {
            return Ok(());
        }
        Err(format!(
            "accepted jobs are missing in the figures, or are counted twice: {stats:?}"
        ))
    });
}

pub(crate) fn p1_counters_of_ended_jobs_never_decrease(fixture: &Fixture) {
    observe(fixture, mixed, |pool, _, last| {
        let stats = pool.stats();
        let fell = stats.successful < last.successful
            || stats.failed < last.failed
            || stats.expired < last.expired
            || stats.discarded < last.discarded
            || stats.rejected < last.rejected;
        if fell {
            return Err(format!("{stats:?} came after {last:?}"));
        }
        *last = stats;
        Ok(())
    });
}

pub(crate) fn p1_no_counter_exceeds_what_really_happened(fixture: &Fixture) {
    observe(fixture, ending, |pool, truth, _| {
        let stats = pool.stats();
        let submitting = truth.submitting.load(Ordering::SeqCst);
        let ending = truth.ending.load(Ordering::SeqCst);
        let few = |count: usize| count as u64 <= submitting;
        let holds = stats.submitted <= submitting
            && stats.successful <= ending
            && few(stats.waiting)
            && few(stats.active)
            && stats.failed + stats.expired + stats.discarded == 0;
        if holds {
            return Ok(());
        }
        Err(format!(
            "{submitting} jobs were handed over and {ending} had ended, all well: {stats:?}"
        ))
    });
}

pub(crate) fn p1_an_idle_pool_shows_no_waiting_and_no_active_jobs(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for number in 0..30 {
        fixture.accept(&pool, mixed(&Arc::default(), number));
    }
    fixture.until(&pool, "all 30 jobs had ended", || pool.ended() == 30);
    fixture.until(&pool, "nothing waited and nothing was active", || {
        let stats = pool.stats();
        stats.waiting == 0 && stats.active == 0
    });
}

pub(crate) fn p1_active_counts_the_running_jobs_exactly(fixture: &Fixture) {
    let pool = fixture.pool(3, 8);
    for held in 1..=3 {
        let latches = fixture.hold_all(&pool, held);
        let stats = pool.stats();
        fixture.check(stats.active == held, || {
            format!("{held} jobs run and are held, and nothing else was handed over: {stats:?}")
        });
        drop(latches);
        fixture.until(&pool, "the held jobs had ended", || {
            pool.stats().active == 0
        });
    }
}

pub(crate) fn p1_waiting_counts_the_queued_jobs_exactly(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let held = fixture.hold_all(&pool, 2);
    for waiting in 1..=5 {
        fixture.accept(&pool, || {});
        let stats = pool.stats();
        fixture.check(stats.waiting == waiting, || {
            format!("{waiting} jobs wait behind two that hold both workers: {stats:?}")
        });
    }
    drop(held);
}

pub(crate) fn p1_running_counts_the_live_workers(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let held = fixture.hold_all(&pool, 2);
    let stats = pool.stats();
    fixture.check(stats.running == 2, || {
        format!("two workers, all that may live, run a job each: {stats:?}")
    });
    drop(held);
}

pub(crate) fn p1_idle_counts_the_workers_without_a_job(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let mut held = fixture.hold_all(&pool, 2);
    let stats = pool.stats();
    fixture.check(stats.idle == 0, || {
        format!("both workers have a job: {stats:?}")
    });
    held.truncate(1);
    fixture.until(
        &pool,
        "all workers but the one with a job were idle",
        || {
            let stats = pool.stats();
            stats.active == 1 && stats.idle + 1 == stats.running
        },
    );
}

pub(crate) fn p1_a_job_that_returns_is_counted_as_successful(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for _ in 0..5 {
        fixture.accept(&pool, || {});
    }
    fixture.until(&pool, "five jobs had ended", || pool.ended() == 5);
    let stats = pool.stats();
    fixture.check(stats.successful == 5, || {
        format!("five jobs ended well: {stats:?}")
    });
}

pub(crate) fn p1_a_job_that_panics_is_counted_as_failed(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    for _ in 0..5 {
        fixture.accept(&pool, || resume_unwind(Box::new("on purpose")));
    }
    fixture.until(&pool, "five jobs had panicked", || pool.ended() == 5);
    let stats = pool.stats();
    fixture.check(stats.failed == 5 && stats.successful == 0, || {
        format!("five jobs panicked: {stats:?}")
    });
}

pub(crate) fn p1_a_job_rejected_by_a_closed_pool_is_counted_only_as_rejected(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    pool.release();
    let refused = (0..3).filter(|_| pool.submit(|| {}).is_err()).count() as u64;
    let stats = pool.stats();
    fixture.check(
        stats.rejected == refused && stats.submitted + refused == 3,
        || format!("of three jobs {refused} were refused: {stats:?}"),
    );
}

pub(crate) fn p1_a_job_rejected_by_a_full_pool_is_counted_only_as_rejected(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let held = fixture.hold(&pool);
    let filled = fixture.fill(&pool, 2) as u64;
    let stats = pool.stats();
    fixture.check(stats.rejected == 1 && stats.submitted == 1 + filled, || {
        format!("one job runs, {filled} wait, and one was refused: {stats:?}")
    });
    held.let_go();
}

pub(crate) fn p1_stats_show_max_workers(fixture: &Fixture) {
    for workers in [1, 3] {
        let stats = fixture.pool(workers, 5).stats();
        fixture.check(stats.max_workers == workers, || {
            format!("the pool was to have at most {workers} workers: {stats:?}")
        });
    }
}

pub(crate) fn p1_stats_show_the_capacity(fixture: &Fixture) {
    for capacity in [1, 5] {
        let stats = fixture.pool(2, capacity).stats();
        fixture.check(stats.capacity == capacity, || {
            format!("in the pool {capacity} jobs may wait: {stats:?}")
        });
    }
}

pub(crate) fn p1_stats_show_min_workers(fixture: &Fixture) {
    let mut spec = PoolSpec::new(3, 5);
    spec.min_workers = 2;
    let stats = fixture.build(spec).stats();
    fixture.check(stats.min_workers == 2, || {
        format!("two workers are to stay when idle: {stats:?}")
    });
}
