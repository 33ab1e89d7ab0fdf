//! P7: what idle workers do.

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
    fixture.wait_until(&pool, "all three idle workers have left", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p7_min_workers_stay_when_idle(fixture: &Fixture) {
    let pool = pool_with_idle_timeout(fixture, 1, Duration::from_millis(1));
    drop(fixture.occupy_workers(&pool, 3));
    fixture.wait_until(&pool, "two of three idle workers have left", || {
        pool.stats().running <= 1
    });
    // Several idle timeouts long.
    let later = Instant::now() + Duration::from_millis(5);
    while Instant::now() < later {
        std::thread::yield_now();
    }
    let stats = pool.stats();
    fixture.assert(stats.running == 1, || {
        format!("min_workers is 1, so one worker must stay: {stats:?}")
    });
}

/// How long all threads of an idle pool must sleep without a break.
const SLEEP: Duration = Duration::from_millis(100);

pub(crate) fn p7_an_idle_pool_uses_no_cpu(fixture: &Fixture) {
    let mut spec = PoolSpec::new(2, 4);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let (sender, receiver) = channel();
    let mut latches = Vec::new();
    for _ in 0..2 {
        let (latch, job) = Latch::new();
        let sender = sender.clone();
        fixture.submit(&pool, move || {
            let _ = sender.send(OsThread::current());
            drop(job.run());
        });
        fixture.wait_until_running(&pool, &latch);
        latches.push(latch);
    }
    drop(latches);
    let mut threads: Vec<OsThread> = (0..2)
        .filter_map(|_| fixture.recv("two jobs have run", &receiver))
        .collect();
    fixture.assert(threads.len() == 2, || {
        "the system does not show how long a thread has run".into()
    });
    // A thread that has ended uses no CPU, and has no entry in `/proc`.
    threads.retain(|thread| thread.cpu_usage().is_some());
    let (_never, timer) = sync_channel::<()>(0);
    let deadline = Instant::now() + fixture.timeout;
    loop {
        let before: Vec<_> = threads.iter().map(OsThread::cpu_usage).collect();
        let _ = timer.recv_timeout(SLEEP);
        let after: Vec<_> = threads.iter().map(OsThread::cpu_usage).collect();
        // A thread that waits for a processor has not run either, but is not asleep.
        if before == after && threads.iter().all(OsThread::is_sleeping) {
            return;
        }
        fixture.assert(Instant::now() < deadline, || {
            format!("the pool has no job, but its workers never sleep for {SLEEP:?}: {before:?}, then {after:?}")
        });
    }
}
