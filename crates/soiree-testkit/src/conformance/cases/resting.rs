//! P7: workers without work.

use std::sync::mpsc::{channel, sync_channel};
use std::time::{Duration, Instant};

use crate::conformance::fixture::Fixture;
use crate::conformance::latch::Latch;
use crate::conformance::settle::{Task, this_task};
use crate::conformance::spec::PoolSpec;
use crate::conformance::subject::Subject;

fn with_idle_timeout(fixture: &Fixture, min_workers: usize, idle_timeout: Duration) -> Subject {
    let mut spec = PoolSpec::new(3, 4);
    spec.min_workers = min_workers;
    spec.idle_timeout = idle_timeout;
    fixture.build(spec)
}

pub(crate) fn p7_idle_workers_leave_after_the_idle_timeout(fixture: &Fixture) {
    let pool = with_idle_timeout(fixture, 0, Duration::from_millis(1));
    drop(fixture.hold_all(&pool, 3));
    fixture.until(&pool, "all three idle workers had left", || {
        pool.stats().running == 0
    });
}

pub(crate) fn p7_min_workers_stay_when_idle(fixture: &Fixture) {
    let pool = with_idle_timeout(fixture, 1, Duration::from_millis(1));
    drop(fixture.hold_all(&pool, 3));
    fixture.until(&pool, "two of three idle workers had left", || {
        pool.stats().running <= 1
    });
    // Several timeouts later it has to be there still.
    let later = Instant::now() + Duration::from_millis(5);
    while Instant::now() < later {
        std::thread::yield_now();
    }
    let stats = pool.stats();
    fixture.check(stats.running == 1, || {
        format!("one worker is to stay when idle: {stats:?}")
    });
}

/// How long a pool has to stay at rest in a row.
const REST: Duration = Duration::from_millis(100);

pub(crate) fn p7_an_idle_pool_uses_no_cpu(fixture: &Fixture) {
    let mut spec = PoolSpec::new(2, 4);
    spec.idle_timeout = Duration::from_secs(3600);
    let pool = fixture.build(spec);
    let (said, tasks) = channel();
    let mut held = Vec::new();
    for _ in 0..2 {
        let (latch, job) = Latch::new();
        let said = said.clone();
        fixture.accept(&pool, move || {
            let _ = said.send(this_task());
            drop(job.run());
        });
        fixture.runs(&pool, &latch);
        held.push(latch);
    }
    drop(held);
    let mut tasks: Vec<Task> = (0..2)
        .filter_map(|_| fixture.receive("two jobs had run", &tasks))
        .collect();
    fixture.check(tasks.len() == 2, || {
        "the system does not tell how long a thread has run".into()
    });
    // A thread that has ended uses no CPU, and cannot be asked.
    tasks.retain(|task| task.activity().is_some());
    let (_never, rest) = sync_channel::<()>(0);
    let give_up = Instant::now() + fixture.patience;
    loop {
        let before: Vec<_> = tasks.iter().map(Task::activity).collect();
        let _ = rest.recv_timeout(REST);
        let after: Vec<_> = tasks.iter().map(Task::activity).collect();
        // One that wants to run and is not let is not at rest.
        if before == after && tasks.iter().all(Task::is_at_rest) {
            return;
        }
        fixture.check(Instant::now() < give_up, || {
            format!("the pool has no job, and its workers never rest for {REST:?}: {before:?}, then {after:?}")
        });
    }
}
