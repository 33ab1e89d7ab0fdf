//! A job may call its own pool while it runs and while it is dropped: the pool holds no lock around user code.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use crate::conformance::fixture::Fixture;
use crate::conformance::pool_under_test::{PoolUnderTest, WeakPoolUnderTest};

/// Calls its pool when dropped.
struct CallsPoolOnDrop {
    pool: WeakPoolUnderTest,
    sender: Sender<()>,
}

impl Drop for CallsPoolOnDrop {
    fn drop(&mut self) {
        call_pool_methods(&self.pool);
        let _ = self.sender.send(());
    }
}

fn call_pool_methods(pool: &WeakPoolUnderTest) {
    let Some(pool) = pool.upgrade() else { return };
    let _ = pool.stats();
    let _ = pool.on_worker();
    let _ = pool.try_submit(|| {});
    let _ = pool.resize(2);
}

pub(crate) fn a_job_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let (sender, called) = channel();
    let inner = pool.downgrade();
    fixture.submit(&pool, move || {
        call_pool_methods(&inner);
        let _ = sender.send(());
    });
    fixture.recv("a job that calls its pool has ended", &called);
}

fn caller(pool: &PoolUnderTest) -> (CallsPoolOnDrop, Receiver<()>) {
    let (sender, called) = channel();
    let pool = pool.downgrade();
    (CallsPoolOnDrop { pool, sender }, called)
}

pub(crate) fn a_job_that_ran_may_call_its_pool_when_dropped(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let (caller, called) = caller(&pool);
    fixture.submit(&pool, move || {
        let _inside = &caller;
    });
    fixture.recv(
        "a job that calls its pool when dropped has been dropped",
        &called,
    );
}

pub(crate) fn a_job_dropped_by_a_stop_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let latches = fixture.occupy_workers(&pool, 2);
    let (caller, called) = caller(&pool);
    fixture.submit(&pool, move || drop(caller));
    pool.stop();
    drop(latches);
    fixture.recv(
        "a job that calls its pool when dropped has been dropped",
        &called,
    );
}

pub(crate) fn a_job_dropped_past_its_deadline_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let (caller, called) = caller(&pool);
    let submitted = pool.submit_before(move || drop(caller), Instant::now());
    fixture.assert(submitted.is_ok(), || {
        format!("an open pool rejected a job: {submitted:?}")
    });
    fixture.recv(
        "a job that calls its pool when dropped has been dropped",
        &called,
    );
}

pub(crate) fn a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool(fixture: &Fixture) {
    let pool = fixture.pool(2, 8);
    let latches = fixture.occupy_workers(&pool, 2);
    let (caller, called) = caller(&pool);
    fixture.submit(&pool, move || drop(caller));
    let released = pool.release_with_deadline(Instant::now());
    fixture.assert(released.is_err(), || {
        "release_with_deadline returned Ok although two jobs run".into()
    });
    drop(latches);
    fixture.recv(
        "a job that calls its pool when dropped has been dropped",
        &called,
    );
}
