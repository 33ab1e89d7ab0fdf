//! P7: workers without work.

use std::sync::mpsc::{channel, sync_channel};
use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::Latch;
use crate::conformance::os_thread::OsThread;
use crate::conformance::pool_under_test::PoolUnderTest;
use crate::conformance::spec::PoolSpec;

fn pool_with_idle_timeout(
    fixture: &Fixture,
    min_workers: usize,
    idle_timeout: Duration,
) -> PoolUnderTest {
    let mut spec = PoolSpec::new(3, 4);
    spec.min_workers = min_workers;
    spec.idle_timeout = idle_timeout;
    fixture.build(spec)
}

pub(crate) fn p7_idle_workers_leave_after_the_idle_timeout(fixture: &Fixture) {
    let pool = pool_with_idle_timeout(fixture, 0, Duration::from_millis(1));
    drop(fixture.occupy_workers(&pool, 3));
    fixture.wait_until(&pool, "all three idle workers had left", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p7_min_workers_stay_when_idle(fixture: &Fixture) {
    let pool = pool_with_idle_timeout(fixture, 1, Duration::from_millis(1));
    drop(fixture.occupy_workers(&pool, 3));
    fixture.wait_until(&pool, "two of three idle workers had left", || {
        pool.stats().running <= 1
    });
    // Several timeouts later it has to be there still.
    let later = Instant::now() + Duration::from_millis(5);
    while Instant::now() < later {
        std::thread::yield_now();
    }
    let stats = pool.stats();
    fixture.assert(stats.running == 1, || {
        format!("one worker is to stay when idle: {stats:?}")
    });
}

/// How long a pool has to stay at rest in a row.
const SLEEP: Duration = Duration::from_millis(100);

pub(crate) fn p7_an_idle_pool_uses_no_cpu(fixture: &Fixture) {
    let mut spec = PoolSpec::new(2, 4);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let (sender, threads) = channel();
    let mut held = Vec::new();
    for _ in 0..2 {
        let (latch, job) = Latch::new();
        let sender = sender.clone();
        fixture.submit(&pool, move || {
            let _ = sender.send(OsThread::current());
            drop(job.run());
        });
        fixture.wait_until_running(&pool, &latch);
        held.push(latch);
    }
    drop(held);
    let mut threads: Vec<OsThread> = (0..2)
        .filter_map(|_| fixture.recv("two jobs had run", &threads))
        .collect();
    fixture.assert(threads.len() == 2, || {
        "the system does not tell how long a thread has run".into()
    });
    // A thread that has ended uses no CPU, and cannot be asked.
    threads.retain(|thread| thread.cpu_usage().is_some());
    let (_sender, receiver) = sync_channel::<()>(0);
    let deadline = Instant::now() + fixture.timeout;
    loop {
        let before: Vec<_> = threads.iter().map(OsThread::cpu_usage).collect();
        let _ = receiver.recv_timeout(SLEEP);
        let after: Vec<_> = threads.iter().map(OsThread::cpu_usage).collect();
        // One that wants to run and is not let is not at rest.
        if before == after && threads.iter().all(OsThread::is_sleeping) {
            return;
        }
        fixture.assert(Instant::now() < deadline, || {
            format!("the pool has no job, and its workers never rest for {SLEEP:?}: {before:?}, then {after:?}")
        });
    }
}
