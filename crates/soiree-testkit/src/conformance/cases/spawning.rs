//! P8: what a pool does if threads cannot be started.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use soiree_core::WaitError;

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::TrackedJobs;
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

fn would_block() -> io::Error {
    io::Error::from(io::ErrorKind::WouldBlock)
}

/// A pool whose n-th thread starts only if `starts(n)` is true. `None` if the pool cannot be made without its threads.
fn pool_where_threads_start(
    fixture: &Fixture,
    mut spec: PoolSpec,
    starts: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> Option<PoolUnderTest> {
    let attempts = AtomicUsize::new(0);
    spec.spawn = Some(Arc::new(move |builder, body| {
        if starts(attempts.fetch_add(1, Ordering::SeqCst)) {
            builder.spawn(body).map(drop)
        } else {
            Err(would_block())
        }
    }));
    // A pool that starts its threads when it is made fails there, and a factory can only panic.
    catch_unwind(AssertUnwindSafe(|| fixture.build(spec))).ok()
}

pub(crate) fn p8_no_job_hangs_if_no_thread_starts(fixture: &Fixture) {
    let Some(pool) = pool_where_threads_start(fixture, PoolSpec::new(2, 4), |_| false) else {
        return;
    };
    let tracked = TrackedJobs::new(2);
    let submitted = [pool.submit(tracked.job(0)), pool.try_submit(tracked.job(1))];
    for (number, submitted) in submitted.into_iter().enumerate() {
        let accepted = submitted.is_ok();
        if let Err(rejected) = submitted {
            drop(rejected.into_job().run());
        }
        fixture.wait_until(
            &pool,
            "the job has run, on the pool or after its rejection",
            || tracked.runs(number) == 1,
        );
        let stats = pool.stats();
        fixture.assert(accepted || stats.rejected > 0, || {
            format!("a job was rejected, as no thread starts: {stats:?}")
        });
    }
}

pub(crate) fn p8_one_worker_runs_all_jobs_if_later_threads_do_not_start(fixture: &Fixture) {
    let mut spec = PoolSpec::new(4, 4);
    spec.idle_timeout = Duration::from_secs(3600);
    let Some(pool) = pool_where_threads_start(fixture, spec, |attempt| attempt == 0) else {
        return;
    };
    let tracked = TrackedJobs::new(50);
    for number in 0..50 {
        fixture.submit(&pool, tracked.job(number));
    }
    fixture.wait_until(&pool, "one worker has run all jobs", || {
        tracked.total_runs() == 50
    });
}

pub(crate) fn p8_no_job_is_lost_while_every_second_thread_does_not_start(fixture: &Fixture) {
    const EACH: usize = 150;
    let mut spec = PoolSpec::new(2, 1);
    spec.idle_timeout = Duration::from_nanos(1);
    let Some(pool) = pool_where_threads_start(fixture, spec, |attempt| attempt % 2 == 1) else {
        return;
    };
    let tracked = TrackedJobs::new(2 * EACH);
    let submitters: Vec<_> = (0..2)
        .map(|part| {
            let (pool, tracked) = (pool.clone(), tracked.clone());
            fixture.spawn("submitter", move || {
                let numbers = part * EACH..(part + 1) * EACH;
                numbers
                    .map(|number| pool.submit(tracked.job(number)).is_ok())
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let accepted: Vec<bool> = submitters.into_iter().flat_map(|s| s.join()).collect();
    fixture.wait_until(&pool, "each accepted job has run", || {
        (0..2 * EACH).all(|number| tracked.runs(number) == usize::from(accepted[number]))
    });
}

pub(crate) fn p8_a_job_queued_for_a_thread_that_does_not_start_is_not_lost(fixture: &Fixture) {
    let (sender, starting) = channel();
    let (let_fail, may_fail) = channel::<()>();
    let (sender, may_fail) = (Mutex::new(sender), Mutex::new(may_fail));
    let timeout = fixture.timeout;
    let pool = pool_where_threads_start(fixture, PoolSpec::new(1, 4), move |_| {
        let lock = |poisoned: PoisonError<_>| poisoned.into_inner();
        let _ = sender.lock().unwrap_or_else(lock).send(());
        let _ = may_fail
            .lock()
            .map(|receiver| receiver.recv_timeout(timeout));
        false
    });
    let Some(pool) = pool else { return };
    let tracked = TrackedJobs::new(2);
    let submit = |name, number| {
        let (pool, job) = (pool.clone(), tracked.job(number));
        fixture.spawn(name, move || pool.submit(job).is_ok())
    };
    let first = submit("submit that starts a thread", 0);
    fixture.recv("the pool has started a thread", &starting);
    // Until the start has failed, the pool may count the thread as a worker.
    let second = submit("submit while a thread is being started", 1);
    second.wait_until_blocked();
    drop(let_fail);
    let accepted = [first.join(), second.join()];
    fixture.wait_until(&pool, "each accepted job has run, and no other", || {
        (0..2).all(|number| tracked.runs(number) == usize::from(accepted[number]))
    });
}

/// A pool whose first thread ends before it runs its body. `None` if the pool cannot be made then.
fn pool_whose_first_thread_ends_early(
    fixture: &Fixture,
    mut spec: PoolSpec,
) -> Option<PoolUnderTest> {
    let starts = AtomicUsize::new(0);
    spec.idle_timeout = Duration::from_secs(3600);
    spec.spawn = Some(Arc::new(move |builder, body| {
        let is_first = starts.fetch_add(1, Ordering::SeqCst) == 0;
        let thread = builder.spawn(move || {
            if is_first {
                // Like a hook that panics, but without a message.
                resume_unwind(Box::new("cannot set the affinity"));
            }
            body();
        });
        thread.map(drop)
    }));
    catch_unwind(AssertUnwindSafe(|| fixture.build(spec))).ok()
}

pub(crate) fn p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker(fixture: &Fixture) {
    let Some(pool) = pool_whose_first_thread_ends_early(fixture, PoolSpec::new(1, 4)) else {
        return;
    };
    let tracked = TrackedJobs::new(3);
    for number in 0..3 {
        match pool.submit_and_wait(tracked.job(number)) {
            Ok(()) | Err(WaitError::Discarded) => {}
            Err(WaitError::Rejected(rejected)) => drop(rejected.into_job().run()),
            Err(error) => fixture.fail(&format!("the job does not panic: {error}")),
        }
    }
    let (ran, dropped) = (tracked.total_runs(), tracked.total_drops());
    fixture.assert(ran + dropped == 3 && tracked.runs(2) == 1, || {
        format!("{ran} of three jobs ran and {dropped} were dropped; the last of them must run")
    });
    pool.release();
    let stats = pool.stats();
    fixture.assert(stats.running == 0 && stats.is_balanced(), || {
        format!("the pool is released: {stats:?}")
    });
}

pub(crate) fn p8_a_thread_that_ends_before_it_is_a_worker_is_not_counted(fixture: &Fixture) {
    let Some(pool) = pool_whose_first_thread_ends_early(fixture, PoolSpec::new(2, 4)) else {
        return;
    };
    if let Err(rejected) = pool.submit(|| {}) {
        drop(rejected);
    }
    fixture.wait_until(&pool, "the thread that has ended is no worker", || {
        let stats = pool.stats();
        stats.active + stats.waiting == 0 && stats.running <= 1
    });
    let latches = fixture.occupy_workers(&pool, 2);
    let stats = pool.stats();
    fixture.assert(stats.running == 2 && stats.active == 2, || {
        format!("two workers run a job each: {stats:?}")
    });
    drop(latches);
}

pub(crate) fn p8_a_pool_without_threads_can_be_released(fixture: &Fixture) {
    let Some(pool) = pool_where_threads_start(fixture, PoolSpec::new(2, 4), |_| false) else {
        return;
    };
    let _ = pool.submit(|| {});
    pool.release();
}
