//! `requeue` and `run_queued`, and the order in which what waits gets places in the queue.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use soiree_core::{Job, JobId, Overflow, SubmitErrorReason};

use crate::conformance::fixture::{Fixture, HelperThread};
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

/// Records in which order jobs run.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<usize>>>);

impl Order {
    fn job(&self, number: usize) -> Job {
        let order = self.clone();
        Job::new(move || {
            let numbers = &order.0;
            let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.push(number);
        })
    }

    fn ran(&self) -> Vec<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until `jobs` jobs have run. Fails the case if their order is not that of their numbers.
    fn assert_ascending(&self, fixture: &Fixture, pool: &PoolUnderTest, jobs: usize) {
        fixture.wait_until(pool, "all jobs have run", || self.ran().len() == jobs);
        let ran = self.ran();
        fixture.assert(ran.is_sorted(), || {
            format!("the jobs began to wait in the order of their numbers, and ran as {ran:?}")
        });
    }
}

/// A pool with one worker, which is busy, and a full queue.
fn full_pool(fixture: &Fixture, capacity: usize) -> (PoolUnderTest, Latch) {
    let pool = fixture.pool(1, capacity);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, capacity);
    (pool, latch)
}

fn requeue(fixture: &Fixture, pool: &PoolUnderTest, job: Job) {
    if let Err(rejected) = pool.requeue(job) {
        fixture.fail(&format!("an open pool rejected requeued work: {rejected}"));
    }
}

/// A job, and what its ID is of.
fn job_with_id(job: Job) -> (Job, Arc<()>) {
    let id = Arc::new(());
    let kept = Arc::clone(&id);
    let job = Job::new(move || {
        drop(job.run());
        drop(kept);
    });
    (job.with_id(JobId::of(&id)), id)
}

/// Submits a job from another thread, and returns when that thread is blocked.
fn submit_blocked(
    fixture: &Fixture,
    pool: &PoolUnderTest,
    job: Job,
) -> HelperThread<Result<(), String>> {
    let blocked = pool.stats().blocked;
    let submitter = {
        let pool = pool.clone();
        fixture.spawn("submit to a full queue", move || {
            pool.submit(job).map_err(|rejected| rejected.to_string())
        })
    };
    fixture.wait_until(pool, "the stats have counted a blocked submitter", || {
        pool.stats().blocked == blocked + 1
    });
    submitter
}

fn join(fixture: &Fixture, submitters: Vec<HelperThread<Result<(), String>>>) {
    for submitter in submitters {
        if let Err(rejected) = submitter.join() {
            fixture.fail(&format!("a blocked submitter must get a place: {rejected}"));
        }
    }
}

pub(crate) fn p2_blocked_submitters_get_places_in_the_order_in_which_they_came(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 1);
    let order = Order::default();
    let submitters = (0..8)
        .map(|number| submit_blocked(fixture, &pool, order.job(number)))
        .collect();
    latch.release();
    join(fixture, submitters);
    order.assert_ascending(fixture, &pool, 8);
    let stats = pool.stats();
    fixture.assert(stats.blocked == 0, || {
        format!("no submitter is blocked any more: {stats:?}")
    });
}

pub(crate) fn requeue_submits_the_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    requeue(fixture, &pool, Job::new(|| {}));
    fixture.wait_until(&pool, "the job has been counted as successful", || {
        pool.stats().successful == 1
    });
    let stats = pool.stats();
    fixture.assert(stats.submitted == 1 && stats.requeued == 0, || {
        format!("one job was requeued and has run: {stats:?}")
    });
}

pub(crate) fn requeue_never_blocks(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 1);
    let tracked = TrackedJobs::new(1);
    let (requeuing, job) = (pool.clone(), tracked.job(0));
    let requeued = fixture.spawn("requeue to a full pool", move || requeuing.requeue(job));
    if let Err(rejected) = requeued.join() {
        drop(rejected.into_job().run());
    }
    latch.release();
    fixture.wait_until(
        &pool,
        "the job has run, on the pool or after its rejection",
        || tracked.runs(0) == 1,
    );
}

pub(crate) fn requeued_work_waits_for_a_place_in_a_full_queue(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 2);
    let full = pool.stats();
    let order = Order::default();
    (0..2).for_each(|number| requeue(fixture, &pool, order.job(number)));
    let stats = pool.stats();
    let mut expected = full;
    expected.requeued = 2;
    fixture.assert(stats == expected, || {
        format!("only requeued may change, by 2; first {full:?}, then {stats:?}")
    });
    latch.release();
    order.assert_ascending(fixture, &pool, 2);
    fixture.wait_until(&pool, "all five jobs have ended", || pool.ended() == 5);
    let stats = pool.stats();
    fixture.assert(stats.requeued == 0 && stats.submitted == 5, || {
        format!("two requeued jobs and three others have run: {stats:?}")
    });
}

pub(crate) fn requeued_work_is_not_overtaken(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let first = fixture.occupy_worker(&pool);
    let (latches, jobs): (Vec<_>, Vec<_>) = (0..2).map(|_| Latch::new()).unzip();
    for job in jobs {
        fixture.submit(&pool, job);
    }
    let order = Order::default();
    requeue(fixture, &pool, order.job(0));
    first.release();
    fixture.wait_until_running(&pool, &latches[0]);
    // The worker has taken a job, and the place of that job is not for this one.
    let submitted = pool.try_submit(order.job(1));
    drop(latches);
    if let Err(rejected) = submitted {
        fixture.submit(&pool, rejected.into_job());
    }
    order.assert_ascending(fixture, &pool, 2);
}

pub(crate) fn requeued_work_and_blocked_submitters_get_places_in_order(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 1);
    let order = Order::default();
    let mut submitters = Vec::new();
    for number in 0..8 {
        if number % 3 == 1 {
            requeue(fixture, &pool, order.job(number));
        } else {
            submitters.push(submit_blocked(fixture, &pool, order.job(number)));
        }
    }
    latch.release();
    join(fixture, submitters);
    order.assert_ascending(fixture, &pool, 8);
}

pub(crate) fn requeued_work_gets_the_place_of_a_job_that_is_replaced(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 2);
    spec.overflow = Overflow::DropOldest;
    let pool = fixture.build(spec);
    let latch = fixture.occupy_worker(&pool);
    let order = Order::default();
    (0..2).for_each(|_| fixture.submit(&pool, || {}));
    (0..2).for_each(|number| requeue(fixture, &pool, order.job(number)));
    (2..4).for_each(|number| fixture.submit(&pool, order.job(number)));
    let stats = pool.stats();
    fixture.assert(stats.discarded == 2, || {
        format!("each of two new jobs replaces one in the queue: {stats:?}")
    });
    latch.release();
    order.assert_ascending(fixture, &pool, 4);
}

pub(crate) fn release_runs_requeued_work(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 1);
    let order = Order::default();
    (0..3).for_each(|number| requeue(fixture, &pool, order.job(number)));
    let release = {
        let pool = pool.clone();
        fixture.spawn("release", move || pool.release())
    };
    release.wait_until_blocked();
    latch.release();
    release.join();
    let (ran, stats) = (order.ran(), pool.stats());
    fixture.assert(ran == [0, 1, 2] && stats.discarded == 0, || {
        format!("three requeued jobs waited, and {ran:?} ran: {stats:?}")
    });
}

pub(crate) fn stop_discards_requeued_work(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 1);
    let tracked = TrackedJobs::new(2);
    (0..2).for_each(|number| requeue(fixture, &pool, tracked.job(number)));
    pool.stop();
    let (dropped, stats) = (tracked.total_drops(), pool.stats());
    latch.release();
    fixture.assert(dropped == 2, || {
        format!("{dropped} of two requeued jobs were dropped: {stats:?}")
    });
    let is_counted = stats.discarded == 3 && stats.submitted == 4 && stats.requeued == 0;
    fixture.assert(is_counted && stats.is_balanced(), || {
        format!("one job runs, and one that was queued and two that were requeued are discarded: {stats:?}")
    });
}

pub(crate) fn a_closed_pool_rejects_requeued_work(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    pool.release();
    let tracked = TrackedJobs::new(1);
    match pool.requeue(tracked.job(0)) {
        Ok(()) => fixture.fail("a released pool accepted the job"),
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(matches!(reason, SubmitErrorReason::Closed), || {
                format!("the pool is closed, but the reason is {reason:?}")
            });
            drop(rejected.into_job().run());
        }
    }
    let ran = tracked.runs(0);
    fixture.assert(ran == 1, || format!("the job in the error ran {ran} times"));
}

pub(crate) fn run_queued_runs_the_job_on_the_caller_and_nowhere_else(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let latch = fixture.occupy_worker(&pool);
    let (sender, ran_on) = channel();
    let (job, id) = job_with_id(Job::new(move || {
        let _ = sender.send(thread::current().id());
    }));
    fixture.submit(&pool, job);
    let found = pool.run_queued(JobId::of(&id));
    let ran: Vec<_> = ran_on.try_iter().collect();
    fixture.assert(found && ran == [thread::current().id()], || {
        "the job is queued, but it has not run once on the calling thread when run_queued returned"
            .into()
    });
    latch.release();
    fixture.wait_until(&pool, "both jobs have ended", || pool.ended() == 2);
    let stats = pool.stats();
    fixture.assert(stats.successful == 2 && ran_on.try_recv().is_err(), || {
        format!("the job must run once, and count as one that ran: {stats:?}")
    });
}

pub(crate) fn run_queued_leaves_the_place_of_the_job_to_others(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let latch = fixture.occupy_worker(&pool);
    for _ in 0..4 {
        let (job, id) = job_with_id(Job::new(|| {}));
        fixture.assert(pool.try_submit(job).is_ok(), || {
            "the only place in the queue is free, but try_submit rejected a job".into()
        });
        fixture.assert(pool.run_queued(JobId::of(&id)), || {
            "the job is queued, but run_queued has not found it".into()
        });
    }
    latch.release();
}

pub(crate) fn run_queued_finds_requeued_work_without_a_place(fixture: &Fixture) {
    let (pool, latch) = full_pool(fixture, 1);
    let tracked = TrackedJobs::new(1);
    let (job, id) = job_with_id(tracked.job(0));
    requeue(fixture, &pool, job);
    let found = pool.run_queued(JobId::of(&id));
    let (ran, stats) = (tracked.runs(0), pool.stats());
    fixture.assert(found && ran == 1 && stats.requeued == 0, || {
        format!("the job waits for a place; run_queued returned {found}, and it ran {ran} times: {stats:?}")
    });
    latch.release();
}

pub(crate) fn run_queued_returns_false_without_such_a_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let (job, id) = job_with_id(Job::new(|| {}));
    let before = pool.run_queued(JobId::of(&id));
    fixture.submit(&pool, job);
    fixture.wait_until(&pool, "the job has run", || pool.ended() == 1);
    let after = pool.run_queued(JobId::of(&id));
    fixture.assert(!before && !after, || {
        format!("it returned {before} before the job was submitted, and {after} after it had run")
    });
}
