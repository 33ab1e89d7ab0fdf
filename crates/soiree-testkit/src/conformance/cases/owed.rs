//! What else an implementation owes: dropping, and no lock around user code.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{Fates, on_thread_end};
use crate::conformance::spec::PoolSpec;
use crate::conformance::subject::{Subject, WeakSubject};

pub(crate) fn dropping_the_pool_runs_accepted_jobs(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let held = fixture.hold(&pool);
    let (said, ran) = channel();
    for _ in 0..5 {
        let said = said.clone();
        fixture.accept(&pool, move || {
            let _ = said.send(());
        });
    }
    drop(said);
    drop(pool);
    held.let_go();
    for _ in 0..5 {
        fixture.receive(
            "all five jobs had run that waited as the pool was dropped",
            &ran,
        );
    }
}

pub(crate) fn dropping_the_pool_does_not_block(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let held = fixture.hold(&pool);
    fixture.accept(&pool, || {});
    drop(pool);
    held.let_go();
}

pub(crate) fn dropping_the_pool_ends_its_threads(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 8);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let (said, ended) = channel();
    fixture.accept(&pool, || on_thread_end(said));
    drop(pool);
    fixture.receive("the pool's thread had ended", &ended);
}

pub(crate) fn a_pool_may_be_dropped_on_its_own_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let (give, given) = channel::<Subject>();
    let (said, dropped) = channel();
    fixture.accept(&pool, move || {
        drop(given.recv());
        let _ = said.send(());
    });
    let fates = Fates::new(1);
    fixture.accept(&pool, fates.job(0));
    let _ = give.send(pool);
    fixture.receive("a job had dropped its own pool", &dropped);
    let give_up = Instant::now() + fixture.patience;
    while fates.ran(0) == 0 {
        fixture.check(Instant::now() < give_up, || {
            "waited in vain until the job had run that waited as a job dropped the pool".into()
        });
        std::thread::yield_now();
    }
}

/// Calls its pool as it is dropped.
struct Caller {
    pool: WeakSubject,
    said: Sender<()>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        call_everything(&self.pool);
        let _ = self.said.send(());
    }
}

fn call_everything(pool: &WeakSubject) {
    let Some(pool) = pool.upgrade() else { return };
    let _ = pool.stats();
    let _ = pool.on_worker();
    let _ = pool.try_submit(|| {});
    let _ = pool.resize(2);
}

pub(crate) fn a_job_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let (said, called) = channel();
    let inner = pool.downgrade();
    fixture.accept(&pool, move || {
        call_everything(&inner);
        let _ = said.send(());
    });
    fixture.receive("a job that calls its pool had ended", &called);
}

fn caller(pool: &Subject) -> (Caller, std::sync::mpsc::Receiver<()>) {
    let (said, called) = channel();
    let pool = pool.downgrade();
    (Caller { pool, said }, called)
}

pub(crate) fn a_job_that_ran_may_call_its_pool_when_dropped(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let (caller, called) = caller(&pool);
    fixture.accept(&pool, move || {
        let _inside = &caller;
    });
    fixture.receive(
        "a job that calls its pool when dropped was dropped",
        &called,
    );
}

pub(crate) fn a_job_dropped_by_a_stop_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let held = fixture.hold_all(&pool, 2);
    let (caller, called) = caller(&pool);
    fixture.accept(&pool, move || drop(caller));
    pool.stop();
    drop(held);
    fixture.receive(
        "a job that calls its pool when dropped was dropped",
        &called,
    );
}

pub(crate) fn a_job_dropped_past_its_deadline_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let (caller, called) = caller(&pool);
    let submitted = pool.submit_before(move || drop(caller), Instant::now());
    fixture.check(submitted.is_ok(), || {
        format!("an open pool refused a job: {submitted:?}")
    });
    fixture.receive(
        "a job that calls its pool when dropped was dropped",
        &called,
    );
}

pub(crate) fn a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let held = fixture.hold_all(&pool, 2);
    let (caller, called) = caller(&pool);
    fixture.accept(&pool, move || drop(caller));
    let released = pool.release_with_deadline(Instant::now());
    fixture.check(released.is_err(), || {
        "it says that all had ended, and two jobs are held".into()
    });
    drop(held);
    fixture.receive(
        "a job that calls its pool when dropped was dropped",
        &called,
    );
}
