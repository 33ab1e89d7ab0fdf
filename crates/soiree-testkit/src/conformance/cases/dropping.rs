//! What dropping the last handle of a pool does.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{TrackedJobs, send_on_thread_end};
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

pub(crate) fn dropping_the_pool_runs_accepted_jobs(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let held = fixture.occupy_worker(&pool);
    let (said, ran) = channel();
    for _ in 0..5 {
        let said = said.clone();
        fixture.submit(&pool, move || {
            let _ = said.send(());
        });
    }
    drop(said);
    drop(pool);
    held.release();
    for _ in 0..5 {
        fixture.recv(
            "all five jobs had run that waited as the pool was dropped",
            &ran,
        );
    }
}

pub(crate) fn dropping_the_pool_does_not_block(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let held = fixture.occupy_worker(&pool);
    fixture.submit(&pool, || {});
    drop(pool);
    held.release();
}

pub(crate) fn dropping_the_pool_ends_its_threads(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 8);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let (said, ended) = channel();
    fixture.submit(&pool, || send_on_thread_end(said));
    drop(pool);
    fixture.recv("the pool's thread had ended", &ended);
}

pub(crate) fn a_pool_may_be_dropped_on_its_own_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let (give, given) = channel::<PoolUnderTest>();
    let (said, dropped) = channel();
    fixture.submit(&pool, move || {
        drop(given.recv());
        let _ = said.send(());
    });
    let tracked = TrackedJobs::new(1);
    fixture.submit(&pool, tracked.job(0));
    let _ = give.send(pool);
    fixture.recv("a job had dropped its own pool", &dropped);
    let deadline = Instant::now() + fixture.timeout;
    while tracked.runs(0) == 0 {
        fixture.assert(Instant::now() < deadline, || {
            "waited in vain until the job had run that waited as a job dropped the pool".into()
        });
        std::thread::yield_now();
    }
}
