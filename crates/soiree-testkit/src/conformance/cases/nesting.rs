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

/// Depths past which nobody states one.
const MAX_DEPTH: usize = 256;

/// Runs `work` on a worker, and returns what it sends. The job has a handle of the pool.
pub(super) fn run_on_worker<T: Send + 'static>(
    fixture: &Fixture,
    pool: &PoolUnderTest,
    what: &str,
    work: impl FnOnce(&PoolUnderTest) -> T + Send + 'static,
) -> T {
    let (said, heard) = channel();
    let inner = pool.clone();
    fixture.submit(pool, move || {
        let _ = said.send(work(&inner));
    });
    fixture.recv(what, &heard)
}

pub(crate) fn p4_submit_from_a_worker_of_a_full_pool_runs_the_job_inline(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let what = "a job that submits to its own full pool had ended";
    let inside = fixture.clone();
    let ran_here = run_on_worker(fixture, &pool, what, move |pool| {
        inside.fill_queue(pool, 1);
        let (said, ran_on) = channel();
        let submitted = pool.submit(move || {
            let _ = said.send(thread::current().id());
        });
        match submitted {
            Ok(()) => Ok(ran_on.try_recv() == Ok(thread::current().id())),
            Err(rejected) => Err(rejected.to_string()),
        }
    });
    fixture.assert(ran_here == Ok(true), || {
        format!("the job is to have run on the worker by the time submit returns: {ran_here:?}")
    });
}

/// Submits a job that submits a job that submits a job. Sends the reason for which that came to its end.
fn submit_recursively(pool: &PoolUnderTest, depth: &Arc<AtomicUsize>, said: &Sender<String>) {
    if depth.fetch_add(1, Ordering::SeqCst) > MAX_DEPTH {
        let _ = said.send(format!("{MAX_DEPTH} jobs ran inside one another"));
        return;
    }
    let (inner, inner_depth, inner_said) = (pool.clone(), Arc::clone(depth), said.clone());
    if let Err(rejected) =
        pool.submit(move || submit_recursively(&inner, &inner_depth, &inner_said))
    {
        let (job, reason) = rejected.into_parts();
        let message = match reason {
            SubmitErrorReason::RecursionLimit { .. } => String::new(),
            other => format!("the reason given was: {other:?}"),
        };
        drop(job);
        let _ = said.send(message);
    }
}

pub(crate) fn p4_inline_jobs_beyond_the_recursion_limit_are_rejected(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let inside = fixture.clone();
    let what = "jobs that submit to their own full pool had come to an end";
    let ended = run_on_worker(fixture, &pool, what, move |pool| {
        inside.fill_queue(pool, 1);
        let (said, ended) = channel();
        submit_recursively(pool, &Arc::default(), &said);
        ended.try_recv()
    });
    fixture.assert(ended == Ok(String::new()), || {
        format!("jobs inside one another are to be refused as too deep at some depth: {ended:?}")
    });
}

pub(crate) fn p4_caller_runs_beyond_the_recursion_limit_is_rejected(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 1);
    spec.overflow = Overflow::CallerRuns;
    let pool = fixture.build(spec);
    let held = fixture.occupy_worker(&pool);
    fixture.fill_queue(&pool, 1);
    let (said, ended) = channel();
    submit_recursively(&pool, &Arc::default(), &said);
    let ended = ended.try_recv();
    fixture.assert(ended == Ok(String::new()), || {
        format!("jobs inside one another are to be refused as too deep at some depth: {ended:?}")
    });
    held.release();
}

pub(crate) fn p4_submit_and_wait_on_a_worker_runs_the_job_inline(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job that waits for another of a pool of one worker had ended";
    let ran_here = run_on_worker(fixture, &pool, what, |pool| {
        let (said, ran_on) = channel();
        let waited = pool.submit_and_wait(move || {
            let _ = said.send(thread::current().id());
        });
        let here = ran_on.try_recv() == Ok(thread::current().id());
        waited.map(|()| here).map_err(|error| error.to_string())
    });
    fixture.assert(ran_here == Ok(true), || {
        format!("the job is to run on the worker that waits for it: {ran_here:?}")
    });
}

pub(crate) fn p4_submit_all_and_wait_on_a_worker_runs_the_jobs_inline_in_order(fixture: &Fixture) {
    let pool = fixture.pool(1, 1);
    let what = "a job that waits for three others of a pool of one worker had ended";
    let order = run_on_worker(fixture, &pool, what, |pool| {
        let (said, ran) = channel();
        let jobs = (0..3).map(|number| {
            let said = said.clone();
            Job::new(move || {
                let _ = said.send((number, thread::current().id()));
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
        format!("three jobs are to run one after another on the worker that waits: {order:?}")
    });
}

pub(crate) fn p4_on_worker_is_true_inside_a_job(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job had asked on_worker";
    let on_worker = run_on_worker(fixture, &pool, what, PoolUnderTest::on_worker);
    fixture.assert(on_worker, || {
        "on_worker is false inside a job of the pool".into()
    });
}

pub(crate) fn p4_on_worker_is_false_elsewhere(fixture: &Fixture) {
    let (pool, other) = (fixture.pool(1, 4), fixture.pool(1, 4));
    fixture.assert(!pool.on_worker(), || {
        "on_worker is true on a thread that is inside no job".into()
    });
    let what = "a job had asked another pool's on_worker";
    let asked = pool.clone();
    let on_worker = run_on_worker(fixture, &other, what, move |_| asked.on_worker());
    fixture.assert(!on_worker, || {
        "on_worker is true inside a job of another pool".into()
    });
}

pub(crate) fn p4_worker_check_agrees_with_on_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let Some(check) = pool.pool().worker_check() else {
        fixture.fail("worker_check is None");
    };
    let elsewhere = check();
    let what = "a job had asked the worker check";
    let inside = run_on_worker(fixture, &pool, what, move |_| check());
    fixture.assert(inside && !elsewhere, || {
        format!(
            "it is to say true inside a job and false elsewhere, and said {inside} and {elsewhere}"
        )
    });
}

pub(crate) fn p4_worker_check_works_after_the_pool_is_dropped(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let Some(check) = pool.pool().worker_check() else {
        fixture.fail("worker_check is None");
    };
    let held = fixture.occupy_worker(&pool);
    let (said, heard) = channel();
    fixture.submit(&pool, move || {
        let _ = said.send(check());
    });
    drop(pool);
    held.release();
    let inside = fixture.recv(
        "the job that was queued as the pool was dropped ran",
        &heard,
    );
    fixture.assert(inside, || {
        "it says false inside a job of the pool whose last handle is gone".into()
    });
}

pub(crate) fn p4_worker_check_does_not_keep_the_pool_alive(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 4);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let Some(check) = pool.pool().worker_check() else {
        fixture.fail("worker_check is None");
    };
    let (said, heard) = channel();
    fixture.submit(&pool, || send_on_thread_end(said));
    drop(pool);
    fixture.recv("the worker ended, the pool being dropped", &heard);
    fixture.assert(!check(), || "it says that this thread is a worker".into());
}
