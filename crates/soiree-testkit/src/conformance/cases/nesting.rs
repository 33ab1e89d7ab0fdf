//! P4: a pool cannot deadlock itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use soiree_core::{Job, Overflow, SubmitErrorReason};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::send_on_thread_end;
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

/// More jobs inside one another than any recursion limit allows.
const MAX_DEPTH: usize = 256;

/// Runs `work` in a job and returns its result. The job holds a handle of the pool.
pub(super) fn run_on_worker<T: Send + 'static>(
    fixture: &Fixture,
    pool: &PoolUnderTest,
    what: &str,
    work: impl FnOnce(&PoolUnderTest) -> T + Send + 'static,
) -> T {
    let (sender, receiver) = channel();
    let inner = pool.clone();
    fixture.submit(pool, move || {
        let _ = sender.send(work(&inner));
    });
    fixture.recv(what, &receiver)
}

pub(crate) fn p4_submit_from_a_worker_of_a_full_pool_runs_the_job_inline(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let what = "a job that submits to its own full pool has ended";
    let inside = fixture.clone();
    let ran_here = run_on_worker(fixture, &pool, what, move |pool| {
        inside.fill_queue(pool, 1);
        let (sender, ran_on) = channel();
        let submitted = pool.submit(move || {
            let _ = sender.send(thread::current().id());
        });
        match submitted {
            Ok(()) => Ok(ran_on.try_recv() == Ok(thread::current().id())),
            Err(rejected) => Err(rejected.to_string()),
        }
    });
    fixture.assert(ran_here == Ok(true), || {
        format!("the job must run on the submitting worker before submit returns: {ran_here:?}")
    });
}

/// Submits a job that submits the next job, and so on until one is rejected. Sends an empty message if the reason is the
/// recursion limit, else a description.
fn submit_recursively(pool: &PoolUnderTest, depth: &Arc<AtomicUsize>, sender: &Sender<String>) {
    if depth.fetch_add(1, Ordering::SeqCst) > MAX_DEPTH {
        let _ = sender.send(format!("{MAX_DEPTH} jobs ran inside one another"));
        return;
    }
    let (inner, inner_depth, inner_sender) = (pool.clone(), Arc::clone(depth), sender.clone());
    if let Err(rejected) =
        pool.submit(move || submit_recursively(&inner, &inner_depth, &inner_sender))
    {
        let (job, reason) = rejected.into_parts();
        let message = match reason {
            SubmitErrorReason::RecursionLimit { .. } => String::new(),
            other => format!("the reason is {other:?}"),
        };
        drop(job);
        let _ = sender.send(message);
    }
}

pub(crate) fn p4_inline_jobs_beyond_the_recursion_limit_are_rejected(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let inside = fixture.clone();
    let what = "jobs that submit to their own full pool have ended";
    let ended = run_on_worker(fixture, &pool, what, move |pool| {
        inside.fill_queue(pool, 1);
        let (sender, ended) = channel();
        submit_recursively(pool, &Arc::default(), &sender);
        ended.try_recv()
    });
    fixture.assert(ended == Ok(String::new()), || {
        format!(
            "inline jobs must be rejected at some depth because of the recursion limit: {ended:?}"
        )
    });
}

pub(crate) fn p4_caller_runs_beyond_the_recursion_limit_is_rejected(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 1);
    spec.overflow = Overflow::CallerRuns;
    let pool = fixture.build(spec);
    let latch = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let (sender, ended) = channel();
    submit_recursively(&pool, &Arc::default(), &sender);
    let ended = ended.try_recv();
    fixture.assert(ended == Ok(String::new()), || {
        format!(
            "inline jobs must be rejected at some depth because of the recursion limit: {ended:?}"
        )
    });
    latch.release();
}

pub(crate) fn p4_submit_and_wait_on_a_worker_runs_the_job_inline(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job that waits for another job of a pool with one worker has ended";
    let ran_here = run_on_worker(fixture, &pool, what, |pool| {
        let (sender, ran_on) = channel();
        let waited = pool.submit_and_wait(move || {
            let _ = sender.send(thread::current().id());
        });
        let here = ran_on.try_recv() == Ok(thread::current().id());
        waited.map(|()| here).map_err(|error| error.to_string())
    });
    fixture.assert(ran_here == Ok(true), || {
        format!("the job must run on the worker that waits for it: {ran_here:?}")
    });
}

pub(crate) fn p4_submit_all_and_wait_on_a_worker_runs_the_jobs_inline_in_order(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let what = "a job that waits for three other jobs of a pool with one worker has ended";
    let order = run_on_worker(fixture, &pool, what, |pool| {
        let (sender, ran) = channel();
        let jobs = (0..3).map(|number| {
            let sender = sender.clone();
            Job::new(move || {
                let _ = sender.send((number, thread::current().id()));
            })
        });
        let waited = pool.submit_all_and_wait(jobs.collect());
        let here = thread::current().id();
        let ran: Vec<_> = ran
            .try_iter()
            .map(|(number, id)| (number, id == here))
            .collect();
        waited.map(|()| ran).map_err(|error| error.to_string())
    });
    let expected = Ok(vec![(0, true), (1, true), (2, true)]);
    fixture.assert(order == expected, || {
        format!(
            "three jobs must run one after another on the worker that waits for them: {order:?}"
        )
    });
}

pub(crate) fn p4_on_worker_is_true_inside_a_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job has called on_worker";
    let on_worker = run_on_worker(fixture, &pool, what, PoolUnderTest::on_worker);
    fixture.assert(on_worker, || {
        "on_worker is false inside a job of the pool".into()
    });
}

pub(crate) fn p4_on_worker_is_false_elsewhere(fixture: &Fixture) {
    let (pool, other) = (fixture.pool(1, 4), fixture.pool(1, 4));
    fixture.assert(!pool.on_worker(), || {
        "on_worker is true on a thread that runs no job".into()
    });
    let what = "a job has called on_worker of another pool";
    let first = pool.clone();
    let on_worker = run_on_worker(fixture, &other, what, move |_| first.on_worker());
    fixture.assert(!on_worker, || {
        "on_worker is true inside a job of another pool".into()
    });
}

pub(crate) fn p4_worker_check_agrees_with_on_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let Some(check) = pool.pool().worker_check() else {
        fixture.fail("worker_check is None");
    };
    let elsewhere = check.is_worker();
    let what = "a job has called the worker check";
    let inside = run_on_worker(fixture, &pool, what, move |_| check.is_worker());
    fixture.assert(inside && !elsewhere, || {
        format!(
            "it must be true inside a job and false elsewhere, but was {inside} and {elsewhere}"
        )
    });
}

pub(crate) fn p4_worker_check_works_after_the_pool_is_dropped(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let Some(check) = pool.pool().worker_check() else {
        fixture.fail("worker_check is None");
    };
    let latch = fixture.occupy_worker(&pool);
    let (sender, receiver) = channel();
    fixture.submit(&pool, move || {
        let _ = sender.send(check.is_worker());
    });
    drop(pool);
    latch.release();
    let inside = fixture.recv(
        "the job that was queued when the pool was dropped has run",
        &receiver,
    );
    fixture.assert(inside, || {
        "it is false inside a job of a pool whose last handle was dropped".into()
    });
}

pub(crate) fn p4_worker_check_does_not_keep_the_pool_alive(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 4);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let Some(check) = pool.pool().worker_check() else {
        fixture.fail("worker_check is None");
    };
    let (sender, receiver) = channel();
    fixture.submit(&pool, || send_on_thread_end(sender));
    drop(pool);
    fixture.recv("the worker of the dropped pool has ended", &receiver);
    fixture.assert(!check.is_worker(), || {
        "it is true on a thread that is no worker".into()
    });
}
