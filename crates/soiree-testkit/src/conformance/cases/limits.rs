//! P2: a pool keeps its limits, and does what its overflow policy says when full.

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

/// How long a job of [`ConcurrencyMeter`] runs.
const RUN_TIME: Duration = Duration::from_micros(100);

/// Measures how many of its jobs run at once.
#[derive(Clone, Default)]
pub(super) struct ConcurrencyMeter {
    running: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl ConcurrencyMeter {
    /// Makes a job that runs long enough to overlap with others.
    pub(super) fn job(&self) -> Job {
        let meter = self.clone();
        Job::new(move || {
            let now = meter.running.fetch_add(1, Ordering::SeqCst) + 1;
            meter.peak.fetch_max(now, Ordering::SeqCst);
            // By time, not by a number of yields: on an idle machine those take less time than waking a worker does.
            let end = Instant::now() + RUN_TIME;
            while Instant::now() < end {
                thread::yield_now();
            }
            meter.running.fetch_sub(1, Ordering::SeqCst);
        })
    }

    pub(super) fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }
}

pub(crate) fn p2_no_more_than_max_workers_jobs_run_at_once(fixture: &Fixture) {
    for max_workers in [1, 3] {
        let pool = fixture.pool(max_workers, 8);
        let meter = ConcurrencyMeter::default();
        for _ in 0..150 {
            fixture.submit(&pool, meter.job());
        }
        fixture.wait_until(&pool, "all 150 jobs have ended", || pool.ended() == 150);
        let peak = meter.peak();
        fixture.assert(peak <= max_workers, || {
            format!("{peak} jobs ran at once, and max_workers is {max_workers}")
        });
    }
}

pub(crate) fn p2_no_more_than_max_workers_live_at_once(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let latches = fixture.occupy_workers(&pool, 2);
    for _ in 0..4 {
        fixture.submit(&pool, || {});
    }
    let stats = pool.stats();
    fixture.assert(stats.running <= 2, || {
        format!("max_workers is 2, and jobs wait: {stats:?}")
    });
    drop(latches);
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
        let latches = fixture.occupy_workers(&pool, 2);
        let filled = fixture.fill_queue(&pool, capacity);
        fixture.assert(filled == capacity, || {
            format!("the queue took {filled} jobs, and the capacity is {capacity}")
        });
        drop(latches);
    }
}

pub(crate) fn p2_a_full_queue_rejects_with_the_reason_full(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 2);
    match pool.try_submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(
                matches!(reason, SubmitErrorReason::Full { capacity: 2 }),
                || format!("the queue of capacity 2 is full, but the reason is {reason:?}"),
            );
        }
        Ok(()) => fixture.fail("the queue rejected one job as full but accepts the next"),
    }
    latch.release();
}

pub(crate) fn p2_submit_to_a_full_queue_blocks(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 2);
    let full = pool.stats();
    let tracked = TrackedJobs::new(1);
    let submitter = {
        let (pool, job) = (pool.clone(), tracked.job(0));
        fixture.spawn("submit to a full queue", move || {
            pool.submit(job).map_err(|rejected| rejected.to_string())
        })
    };
    submitter.wait_until_blocked();
    let stats = pool.stats();
    fixture.assert(stats.waiting == full.waiting && stats.rejected == full.rejected, || {
        format!("a submitter that blocks must change neither waiting nor rejected; first {full:?}, then {stats:?}")
    });
    fixture.assert(!submitter.is_finished(), || {
        format!("submit returned although the queue is full: {stats:?}")
    });
    latch.release();
    if let Err(rejected) = submitter.join() {
        fixture.fail(&format!("submit must block, but returned: {rejected}"));
    }
    fixture.wait_until(&pool, "the job of the blocked submitter has run", || {
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
                "a worker is free, but submit rejected the job: {rejected}"
            ));
        }
        fixture.wait_until_running(&pool, &latch);
        latches.push(latch);
    }
    let filled = fixture.fill_queue(&pool, 0);
    let stats = pool.stats();
    fixture.assert(filled == 0 && stats.waiting == 0, || {
        format!(
            "both workers are busy and no job may wait, but the queue took {filled} jobs: {stats:?}"
        )
    });
    drop(latches);
}

pub(crate) fn p2_with_capacity_0_submit_blocks_until_a_worker_is_free(fixture: &Fixture) {
    let pool = fixture.pool(1, 0);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(1);
    let submitter = {
        let (pool, job) = (pool.clone(), tracked.job(0));
        fixture.spawn("submit without a free worker", move || {
            pool.submit(job).map_err(|rejected| rejected.to_string())
        })
    };
    submitter.wait_until_blocked();
    let stats = pool.stats();
    fixture.assert(stats.waiting == 0 && !submitter.is_finished(), || {
        format!("submit must block until a worker is free, without a waiting job: {stats:?}")
    });
    latch.release();
    if let Err(rejected) = submitter.join() {
        fixture.fail(&format!("submit must block, but returned: {rejected}"));
    }
    fixture.wait_until(&pool, "the job has run", || tracked.runs(0) == 1);
}

/// A pool with one busy worker and a full queue of capacity 2. The oldest job in the queue is number 0.
fn full_pool(fixture: &Fixture, overflow: Overflow) -> (PoolUnderTest, Latch, TrackedJobs) {
    let mut spec = PoolSpec::new(1, 2);
    spec.overflow = overflow;
    let pool = fixture.build(spec);
    let latch = fixture.occupy_worker(&pool);
    let tracked = TrackedJobs::new(2);
    fixture.submit(&pool, tracked.job(0));
    if overflow == Overflow::DropOldest {
        // `fill_queue` would fail: such a pool never rejects a job.
        fixture.submit(&pool, || {});
    } else {
        fixture.fill_queue(&pool, 2);
    }
    (pool, latch, tracked)
}

pub(crate) fn p2_overflow_reject_rejects_at_once(fixture: &Fixture) {
    let (pool, latch, _) = full_pool(fixture, Overflow::Reject);
    match pool.submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(
                matches!(reason, SubmitErrorReason::Full { capacity: 2 }),
                || format!("the reason is {reason:?}"),
            );
        }
        Ok(()) => fixture.fail("the queue is full, but submit accepted a job"),
    }
    latch.release();
}

pub(crate) fn p2_overflow_block_for_rejects_after_its_timeout(fixture: &Fixture) {
    let wait = Duration::from_millis(2);
    let (pool, latch, _) = full_pool(fixture, Overflow::BlockFor(wait));
    match pool.submit(|| {}) {
        Err(rejected) => {
            let reason = &rejected.reason;
            fixture.assert(matches!(reason, SubmitErrorReason::TimedOut { .. }), || {
                format!("the reason is {reason:?}")
            });
        }
        Ok(()) => fixture.fail("the queue stayed full, but submit accepted a job"),
    }
    latch.release();
}

pub(crate) fn p2_overflow_caller_runs_runs_the_job_on_the_caller(fixture: &Fixture) {
    let (pool, latch, _) = full_pool(fixture, Overflow::CallerRuns);
    let (sender, ran_on) = channel();
    let submitted = pool.submit(move || {
        let _ = sender.send(thread::current().id());
    });
    fixture.assert(submitted.is_ok(), || {
        format!("the caller must run the job, but submit returned {submitted:?}")
    });
    fixture.assert(ran_on.try_recv() == Ok(thread::current().id()), || {
        "submit returned before the job had run on the submitting thread".into()
    });
    latch.release();
}

pub(crate) fn p2_overflow_drop_oldest_discards_only_the_oldest_job(fixture: &Fixture) {
    let (pool, latch, tracked) = full_pool(fixture, Overflow::DropOldest);
    fixture.submit(&pool, tracked.job(1));
    fixture.wait_until(&pool, "a job has been discarded", || {
        pool.stats().discarded > 0
    });
    latch.release();
    fixture.wait_until(&pool, "the newest job has run or been dropped", || {
        tracked.runs(1) + tracked.drops(1) > 0
    });
    fixture.assert(tracked.drops(0) == 1 && tracked.runs(1) == 1, || {
        "the pool dropped a job that was not the oldest".into()
    });
    let stats = pool.stats();
    fixture.assert(stats.discarded == 1, || {
        format!("exactly one job was discarded: {stats:?}")
    });
}
