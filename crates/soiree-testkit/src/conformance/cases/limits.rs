//! P2: never more than the limits allow, and what happens at them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{Job, Overflow, SubmitErrorReason};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Latch, TrackedJobs};
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

/// How long a job stays that others may meet.
const STAY: Duration = Duration::from_micros(100);

/// Counts how many of its jobs run at once.
#[derive(Clone, Default)]
pub(super) struct ConcurrencyMeter {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl ConcurrencyMeter {
    /// A job that stays for a while, so that others may meet it.
    pub(super) fn job(&self) -> Job {
        let meter = self.clone();
        Job::new(move || {
            let now = meter.running.fetch_add(1, Ordering::SeqCst) + 1;
            meter.most.fetch_max(now, Ordering::SeqCst);
            // A worker that sleeps takes longer to wake than a few yields do on a machine that is not busy.
            let stays = Instant::now() + STAY;
            while Instant::now() < stays {
                thread::yield_now();
            }
            meter.running.fetch_sub(1, Ordering::SeqCst);
        })
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

pub(crate) fn p2_no_more_than_max_workers_jobs_run_at_once(fixture: &Fixture) {
    for max_workers in [1, 3] {
        let pool = fixture.pool(max_workers, 8);
        let meter = ConcurrencyMeter::default();
        for _ in 0..150 {
            fixture.submit(&pool, meter.job());
        }
        fixture.wait_until(&pool, "all 150 jobs had ended", || pool.ended() == 150);
        let most = meter.most();
        fixture.assert(most <= max_workers, || {
            format!("{most} jobs ran at once in a pool of at most {max_workers} workers")
        });
    }
}

pub(crate) fn p2_no_more_than_max_workers_live_at_once(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let held = fixture.occupy_workers(&pool, 2);
    for _ in 0..4 {
        fixture.submit(&pool, || {});
    }
    let stats = pool.stats();
    fixture.assert(stats.running <= 2, || {
        format!("jobs wait, and at most two workers may live: {stats:?}")
    });
    drop(held);
}

pub(crate) fn p2_max_workers_jobs_can_run_at_once(fixture: &Fixture) {
    for max_workers in [1, 4] {
        let pool = fixture.pool(max_workers, 8);
        drop(fixture.occupy_workers(&pool, max_workers));
    }
}

pub(crate) fn p2_no_more_jobs_wait_than_the_capacity(fixture: &Fixture) {
    for capacity in [1, 4] {
        let pool = fixture.pool(2, capacity);
        let held = fixture.occupy_workers(&pool, 2);
        let filled = fixture.fill_queue(&pool, capacity);
        fixture.assert(filled == capacity, || {
            format!("with all workers busy {filled} jobs were let in to wait, and {capacity} may")
        });
        drop(held);
    }
}

pub(crate) fn p2_a_full_queue_rejects_with_the_reason_full(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let held = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 2);
    match pool.try_submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(
                matches!(reason, SubmitErrorReason::Full { capacity: 2 }),
                || format!("the queue is full with 2 jobs, and the reason given was: {reason:?}"),
            );
        }
        Ok(()) => fixture.fail("a queue that refused one job accepts the next"),
    }
    held.release();
}

pub(crate) fn p2_submit_to_a_full_queue_blocks(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let held = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 2);
    let full = pool.stats();
    let tracked = TrackedJobs::new(1);
    let submitter = {
        let (pool, job) = (pool.clone(), tracked.job(0));
        fixture.spawn("a submit to a full queue", move || {
            pool.submit(job).map_err(|rejected| rejected.to_string())
        })
    };
    submitter.wait_until_blocked();
    let stats = pool.stats();
    fixture.assert(stats.waiting == full.waiting && stats.rejected == full.rejected, || {
        format!("a submitter is to wait for a place, outside the queue; before: {full:?}, then: {stats:?}")
    });
    fixture.assert(!submitter.is_finished(), || {
        format!("submit returned, and the queue is full: {stats:?}")
    });
    held.release();
    if let Err(rejected) = submitter.join() {
        fixture.fail(&format!("the submitter was to wait, and got: {rejected}"));
    }
    fixture.wait_until(&pool, "the job that was held back had run", || {
        tracked.runs(0) == 1
    });
}

pub(crate) fn p2_with_capacity_0_a_job_goes_directly_to_a_worker(fixture: &Fixture) {
    let pool = fixture.pool(2, 0);
    let mut latches = Vec::new();
    for _ in 0..2 {
        let (latch, job) = Latch::new();
        if let Err(rejected) = pool.submit(job) {
            fixture.fail(&format!(
                "a worker is free for the job, and submit said: {rejected}"
            ));
        }
        fixture.wait_until_running(&pool, &latch);
        latches.push(latch);
    }
    let filled = fixture.fill_queue(&pool, 0);
    let stats = pool.stats();
    fixture.assert(filled == 0 && stats.waiting == 0, || {
        format!(
            "both workers are busy and nothing may wait, but {filled} jobs were let in: {stats:?}"
        )
    });
    drop(latches);
}

pub(crate) fn p2_with_capacity_0_submit_blocks_until_a_worker_is_free(fixture: &Fixture) {
    let pool = fixture.pool(1, 0);
    let held = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(1);
    let submitter = {
        let (pool, job) = (pool.clone(), tracked.job(0));
        fixture.spawn("a submit without a free worker", move || {
            pool.submit(job).map_err(|rejected| rejected.to_string())
        })
    };
    submitter.wait_until_blocked();
    let stats = pool.stats();
    fixture.assert(stats.waiting == 0 && !submitter.is_finished(), || {
        format!("no worker is free, and no job may wait inside: {stats:?}")
    });
    held.release();
    if let Err(rejected) = submitter.join() {
        fixture.fail(&format!("the submitter was to wait, and got: {rejected}"));
    }
    fixture.wait_until(&pool, "the job had run", || tracked.runs(0) == 1);
}

/// A pool of one worker, which is busy, with a full queue of two. The job behind it in the queue has number 0.
fn full_with(fixture: &Fixture, overflow: Overflow) -> (PoolUnderTest, Latch, TrackedJobs) {
    let mut spec = PoolSpec::new(1, 2);
    spec.overflow = overflow;
    let pool = fixture.build(spec);
    let held = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(2);
    fixture.submit(&pool, tracked.job(0));
    if overflow == Overflow::DropOldest {
        // Such a pool always has place.
        fixture.submit(&pool, || {});
    } else {
        fixture.fill_queue(&pool, 2);
    }
    (pool, held, tracked)
}

pub(crate) fn p2_overflow_reject_rejects_at_once(fixture: &Fixture) {
    let (pool, held, _) = full_with(fixture, Overflow::Reject);
    match pool.submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(
                matches!(reason, SubmitErrorReason::Full { capacity: 2 }),
                || format!("the reason given was: {reason:?}"),
            );
        }
        Ok(()) => fixture.fail("a full queue that is to reject accepted a job"),
    }
    held.release();
}

pub(crate) fn p2_overflow_block_for_rejects_after_its_timeout(fixture: &Fixture) {
    let wait = Duration::from_millis(2);
    let (pool, held, _) = full_with(fixture, Overflow::BlockFor(wait));
    match pool.submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(matches!(reason, SubmitErrorReason::TimedOut { .. }), || {
                format!("the reason given was: {reason:?}")
            });
        }
        Ok(()) => fixture.fail("a queue that stayed full accepted a job"),
    }
    held.release();
}

pub(crate) fn p2_overflow_caller_runs_runs_the_job_on_the_caller(fixture: &Fixture) {
    let (pool, held, _) = full_with(fixture, Overflow::CallerRuns);
    let (said, ran_on) = channel();
    let submitted = pool.submit(move || {
        let _ = said.send(thread::current().id());
    });
    fixture.assert(submitted.is_ok(), || {
        format!("the caller is to run the job, and was told: {submitted:?}")
    });
    fixture.assert(ran_on.try_recv() == Ok(thread::current().id()), || {
        "the job has not run on the submitting thread by the time submit returns".into()
    });
    held.release();
}

pub(crate) fn p2_overflow_drop_oldest_discards_only_the_oldest_job(fixture: &Fixture) {
    let (pool, held, tracked) = full_with(fixture, Overflow::DropOldest);
    fixture.submit(&pool, tracked.job(1));
    fixture.wait_until(&pool, "a job was dropped for the newest", || {
        pool.stats().discarded > 0
    });
    held.release();
    fixture.wait_until(&pool, "the newest job had run or was dropped", || {
        tracked.runs(1) + tracked.drops(1) > 0
    });
    fixture.assert(tracked.drops(0) == 1 && tracked.runs(1) == 1, || {
        "a job was dropped that was not the oldest".into()
    });
    let stats = pool.stats();
    fixture.assert(stats.discarded == 1, || {
        format!("one job was dropped to make place: {stats:?}")
    });
}
