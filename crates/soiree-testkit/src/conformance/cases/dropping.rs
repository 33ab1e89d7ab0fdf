//! What dropping the last handle of a pool does.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::{TrackedJobs, send_on_thread_end};
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

pub(crate) fn dropping_the_pool_runs_accepted_jobs(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let latch = fixture.occupy_worker(&pool);
    let (sender, ran) = channel();
    for _ in 0..5 {
        let sender = sender.clone();
        fixture.submit(&pool, move || {
            let _ = sender.send(());
        });
    }
    drop(sender);
    drop(pool);
    latch.release();
    for _ in 0..5 {
        fixture.recv(
            "all five jobs that were queued when the pool was dropped have run",
            &ran,
        );
    }
}

pub(crate) fn dropping_the_pool_does_not_block(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let latch = fixture.occupy_worker(&pool);
    fixture.submit(&pool, || {});
    drop(pool);
    latch.release();
}

pub(crate) fn dropping_the_pool_ends_its_threads(fixture: &Fixture) {
    let mut spec = PoolSpec::new(1, 8);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let (sender, ended) = channel();
    fixture.submit(&pool, || send_on_thread_end(sender));
    drop(pool);
    fixture.recv("the thread of the dropped pool has ended", &ended);
}

pub(crate) fn a_pool_may_be_dropped_on_its_own_worker(fixture: &Fixture) {
    let pool = fixture.pool(1, 8);
    let (give, given) = channel::<PoolUnderTest>();
    let (sender, dropped) = channel();
    fixture.submit(&pool, move || {
        drop(given.recv());
        let _ = sender.send(());
    });
    let tracked = TrackedJobs::new(1);
    fixture.submit(&pool, tracked.job(0));
    let _ = give.send(pool);
    fixture.recv("a job has dropped its own pool", &dropped);
    let deadline = Instant::now() + fixture.timeout;
    while tracked.runs(0) == 0 {
        fixture.assert(Instant::now() < deadline, || {
            "timed out waiting until the job that was queued when a job dropped the pool has run".into()
        });
        std::thread::yield_now();
    }
}
