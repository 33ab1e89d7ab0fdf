//! P2: never more than the limits allow, and what happens at them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{Job, Overflow, SubmitErrorReason};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Fates, Latch};
use crate::conformance::spec::PoolSpec;
use crate::conformance::subject::Subject;

/// How long a job stays that others may meet.
const STAY: Duration = Duration::from_micros(100);

/// Counts how many of its jobs run at once.
#[derive(Clone, Default)]
pub(super) struct Crowd {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Crowd {
    /// A job that stays for a while, so that others may meet it.
    pub(super) fn job(&self) -> Job {
        let crowd = self.clone();
        Job::new(move || {
            let now = crowd.running.fetch_add(1, Ordering::SeqCst) + 1;
            crowd.most.fetch_max(now, Ordering::SeqCst);
            // A worker that sleeps takes longer to wake than a few yields do on a machine that is not busy.
            let stays = Instant::now() + STAY;
            while Instant::now() < stays {
                thread::yield_now();
            }
            crowd.running.fetch_sub(1, Ordering::SeqCst);
        })
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

pub(crate) fn p2_no_more_than_max_workers_jobs_run_at_once(fixture: &Fixture) {
    for max_workers in [1, 3] {
        let pool = fixture.pool(max_workers, 8);
        let crowd = Crowd::default();
        for _ in 0..150 {
            fixture.accept(&pool, crowd.job());
        }
        fixture.until(&pool, "all 150 jobs had ended", || pool.ended() == 150);
        let most = crowd.most();
        fixture.check(most <= max_workers, || {
            format!("{most} jobs ran at once in a pool of at most {max_workers} workers")
        });
    }
}

pub(crate) fn p2_no_more_than_max_workers_live_at_once(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let held = fixture.hold_all(&pool, 2);
    for _ in 0..4 {
        fixture.accept(&pool, || {});
    }
    let stats = pool.stats();
    fixture.check(stats.running <= 2, || {
        format!("jobs wait, and at most two workers may live: {stats:?}")
    });
    drop(held);
}

pub(crate) fn p2_max_workers_jobs_can_run_at_once(fixture: &Fixture) {
    for max_workers in [1, 4] {
        let pool = fixture.pool(max_workers, 8);
        drop(fixture.hold_all(&pool, max_workers));
    }
}

pub(crate) fn p2_no_more_jobs_wait_than_the_capacity(fixture: &Fixture) {
    for capacity in [1, 4] {
        let pool = fixture.pool(2, capacity);
        let held = fixture.hold_all(&pool, 2);
        let filled = fixture.fill(&pool, capacity);
        fixture.check(filled == capacity, || {
            format!("with all workers busy {filled} jobs were let in to wait, and {capacity} may")
        });
        drop(held);
    }
}

pub(crate) fn p2_a_full_queue_rejects_with_the_reason_full(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let held = fixture.hold(&pool);
    fixture.fill(&pool, 2);
    match pool.try_submit(|| {}) {
        Err(refused) => {
            let reason = &refused.reason;
            fixture.check(
                matches!(reason, SubmitErrorReason::Full { capacity: 2 }),
                || format!("the queue is full with 2 jobs, and the reason given was: {reason:?}"),
            );
        }
        Ok(()) => fixture.fail("a queue that refused one job accepts the next"),
    }
    held.let_go();
}

pub(crate) fn p2_submit_to_a_full_queue_blocks(fixture: &Fixture) {
    let pool = fixture.pool(1, 2);
    let held = fixture.hold(&pool);
    fixture.fill(&pool, 2);
    let full = pool.stats();
    let fates = Fates::new(1);
    let submitter = {
        let (pool, job) = (pool.clone(), fates.job(0));
        fixture.start("a submit to a full queue", move || {
            pool.submit(job).map_err(|refused| refused.to_string())
        })
    };
    submitter.settle();
    let stats = pool.stats();
    fixture.check(stats.waiting == full.waiting && stats.rejected == full.rejected, || {
        format!("a submitter is to wait for a place, outside the queue; before: {full:?}, then: {stats:?}")
    });
    fixture.check(!submitter.has_ended(), || {
        format!("submit returned, and the queue is full: {stats:?}")
    });
    held.let_go();
    if let Err(refused) = submitter.join() {
        fixture.fail(&format!("the submitter was to wait, and got: {refused}"));
    }
    fixture.until(&pool, "the job that was held back had run", || {
        fates.ran(0) == 1
    });
}

pub(crate) fn p2_with_capacity_0_a_job_goes_directly_to_a_worker(fixture: &Fixture) {
    let pool = fixture.pool(2, 0);
    let mut latches = Vec::new();
    for _ in 0..2 {
        let (latch, job) = Latch::new();
        if let Err(refused) = pool.submit(job) {
            fixture.fail(&format!(
                "a worker is free for the job, and submit said: {refused}"
            ));
        }
        fixture.runs(&pool, &latch);
        latches.push(latch);
    }
    let filled = fixture.fill(&pool, 0);
    let stats = pool.stats();
    fixture.check(filled == 0 && stats.waiting == 0, || {
        format!(
            "both workers are busy and nothing may wait, but {filled} jobs were let in: {stats:?}"
        )
    });
    drop(latches);
}

pub(crate) fn p2_with_capacity_0_submit_blocks_until_a_worker_is_free(fixture: &Fixture) {
    let pool = fixture.pool(1, 0);
    let held = fixture.hold(&pool);
    let fates = Fates::new(1);
    let submitter = {
        let (pool, job) = (pool.clone(), fates.job(0));
        fixture.start("a submit without a free worker", move || {
            pool.submit(job).map_err(|refused| refused.to_string())
        })
    };
    submitter.settle();
    let stats = pool.stats();
    fixture.check(stats.waiting == 0 && !submitter.has_ended(), || {
        format!("no worker is free, and no job may wait inside: {stats:?}")
    });
    held.let_go();
    if let Err(refused) = submitter.join() {
        fixture.fail(&format!("the submitter was to wait, and got: {refused}"));
    }
    fixture.until(&pool, "the job had run", || fates.ran(0) == 1);
}

/// A pool of one worker, which is busy, with a full queue of two. The job behind it in the queue has number 0.
fn full_with(fixture: &Fixture, overflow: Overflow) -> (Subject, Latch, Fates) {
    let mut spec = PoolSpec::new(1, 2);
    spec.overflow = overflow;
    let pool = fixture.build(spec);
    let held = fixture.hold(&pool);
    let fates = Fates::new(2);
    fixture.accept(&pool, fates.job(0));
    if overflow == Overflow::DropOldest {
        // Such a pool always has place.
        fixture.accept(&pool, || {});
    } else {
        fixture.fill(&pool, 2);
    }
    (pool, held, fates)
}

pub(crate) fn p2_overflow_reject_rejects_at_once(fixture: &Fixture) {
    let (pool, held, _) = full_with(fixture, Overflow::Reject);
    match pool.submit(|| {}) {
        Err(refused) => {
            let reason = &refused.reason;
            fixture.check(
                matches!(reason, SubmitErrorReason::Full { capacity: 2 }),
                || format!("the reason given was: {reason:?}"),
            );
        }
        Ok(()) => fixture.fail("a full queue that is to reject accepted a job"),
    }
    held.let_go();
}

pub(crate) fn p2_overflow_block_for_rejects_after_its_timeout(fixture: &Fixture) {
    let wait = Duration::from_millis(2);
    let (pool, held, _) = full_with(fixture, Overflow::BlockFor(wait));
    match pool.submit(|| {}) {
        Err(refused) => {
            let reason = &refused.reason;
            fixture.check(matches!(reason, SubmitErrorReason::TimedOut { .. }), || {
                format!("the reason given was: {reason:?}")
            });
        }
        Ok(()) => fixture.fail("a queue that stayed full accepted a job"),
    }
    held.let_go();
}

pub(crate) fn p2_overflow_caller_runs_runs_the_job_on_the_caller(fixture: &Fixture) {
    let (pool, held, _) = full_with(fixture, Overflow::CallerRuns);
    let (said, ran_on) = channel();
    let submitted = pool.submit(move || {
        let _ = said.send(thread::current().id());
    });
    fixture.check(submitted.is_ok(), || {
        format!("the caller is to run the job, and was told: {submitted:?}")
    });
    fixture.check(ran_on.try_recv() == Ok(thread::current().id()), || {
        "the job has not run on the submitting thread by the time submit returns".into()
    });
    held.let_go();
}

pub(crate) fn p2_overflow_drop_oldest_discards_only_the_oldest_job(fixture: &Fixture) {
    let (pool, held, fates) = full_with(fixture, Overflow::DropOldest);
    fixture.accept(&pool, fates.job(1));
    fixture.until(&pool, "a job was dropped for the newest", || {
        pool.stats().discarded > 0
    });
    held.let_go();
    fixture.until(&pool, "the newest job had run or was dropped", || {
        fates.ran(1) + fates.dropped(1) > 0
    });
    fixture.check(fates.dropped(0) == 1 && fates.ran(1) == 1, || {
        "a job was dropped that was not the oldest".into()
    });
    let stats = pool.stats();
    fixture.check(stats.discarded == 1, || {
        format!("one job was dropped to make place: {stats:?}")
    });
}
