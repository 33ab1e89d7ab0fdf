//! Jobs that are futures, on every kind of pool.

use std::future::{Future, poll_fn};
use std::sync::mpsc::channel;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use soiree_core::{Job, JobOutcome, WaitError};

use super::nesting::run_on_worker;
use crate::conformance::fixture::Fixture;

/// A future that is ready when another thread has woken it.
fn woken_once() -> impl Future<Output = ()> + Send + 'static {
    let mut is_woken = false;
    poll_fn(move |context: &mut Context<'_>| {
        if std::mem::replace(&mut is_woken, true) {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        thread::spawn(move || waker.wake());
        Poll::Pending
    })
}

pub(crate) fn p4_a_job_that_waits_for_a_future_of_its_pool_returns(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let what = "a job that waits for a future of its own pool has ended";
    let waited = run_on_worker(fixture, &pool, what, |pool| {
        let one = pool.submit_and_wait(Job::from_future(woken_once()));
        let all = pool.submit_all_and_wait(vec![Job::from_future(woken_once())]);
        let inline = pool.run_inline(Job::from_future(woken_once()));
        let inline = match inline {
            Ok(JobOutcome::Completed) => Ok(()),
            Ok(_) => Err(WaitError::Discarded),
            Err(rejected) => Err(WaitError::Rejected(rejected)),
        };
        [one, all, inline].map(|result| match result {
            Ok(()) => Ok(true),
            Err(WaitError::Rejected(rejected)) => match rejected.into_job().is_future() {
                true => Ok(false),
                false => Err("the future was rejected, and another job came back".into()),
            },
            Err(error) => Err(error.to_string()),
        })
    });
    let polls_futures = pool.pool().polls_futures();
    fixture.assert(
        waited.iter().all(|ran| *ran == Ok(!polls_futures)),
        || match polls_futures {
            true => format!(
                "the pool polls futures, so each must be rejected and not block a thread: {waited:?}"
            ),
            false => format!("each future must run to its end on the worker: {waited:?}"),
        },
    );
}

pub(crate) fn a_future_that_is_woken_while_its_thread_is_parked_is_polled_again(fixture: &Fixture) {
    let pool = fixture.pool(1, 4);
    let (sender, ended) = channel();
    let mut polls = 0;
    let future = poll_fn(move |context: &mut Context<'_>| {
        polls += 1;
        if polls == 3 {
            let _ = sender.send(());
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        // Takes the wake-up of the thread, as everything does that blocks here.
        thread::park_timeout(Duration::ZERO);
        Poll::Pending
    });
    fixture.submit(&pool, Job::from_future(future));
    fixture.recv("the future has been polled to its end", &ended);
}
