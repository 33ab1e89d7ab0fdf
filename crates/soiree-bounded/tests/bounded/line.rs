//! The line of those that wait for a place: blocked submitters and requeued jobs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use soiree_bounded::Permit;
use soiree_core::{Overflow, Pool, PoolOptions, SubmitErrorReason};

use crate::common::{
    Behavior, RunLog, ScriptedExecutor, counting, counts, in_thread, submit_blocked,
};

const NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// A2, P2: submitters that wait for a place get one in the order in which they began to wait.
#[test]
fn blocked_submitters_are_served_in_order() {
    for capacity in [0, 1, 3] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, capacity);
        for _ in 0..=capacity {
            pool.submit(log.job("before")).unwrap();
        }
        let submitters = NAMES.map(|name| submit_blocked(&pool, log.job(name)));
        executor.run_all();
        for submitter in submitters {
            submitter.wait().unwrap();
        }
        assert_eq!(log.take()[capacity + 1..], NAMES);
        assert_eq!(pool.stats().blocked, 0);
    }
}

/// A2, E7: requeued jobs wait in the same line as blocked submitters, and new jobs do not overtake them.
#[test]
fn requeued_jobs_and_blocked_submitters_wait_in_one_line() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 1);
    pool.submit(log.job("runs")).unwrap();
    pool.submit(log.job("queued")).unwrap();
    let mut submitters = Vec::new();
    for (number, name) in NAMES.into_iter().enumerate() {
        if number % 3 == 0 {
            submitters.push(submit_blocked(&pool, log.job(name)));
        } else {
            pool.requeue(log.job(name)).unwrap();
        }
    }
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (4, 6));
    assert_eq!(counts(&pool), (1, 1, 2, 0, 0));
    let rejected = pool.try_submit(log.job("new")).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
    drop(rejected);
    executor.take_permits().into_iter().for_each(Permit::run);
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (3, 6));
    assert_eq!(counts(&pool), (1, 1, 3, 1, 1));
    executor.run_all();
    for submitter in submitters {
        submitter.wait().unwrap();
    }
    let order = log.take();
    assert_eq!(order[..2], ["runs", "queued"]);
    assert_eq!(order[2..], NAMES);
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (0, 0));
    assert_eq!(counts(&pool), (0, 0, 12, 1, 12));
}

/// P2, E7: jobs that replace the oldest one start after those that waited for a place, and do not replace these.
#[test]
fn jobs_that_replace_the_oldest_do_not_overtake_requeued_jobs() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let options = PoolOptions::new(1, 1).overflow(Overflow::DropOldest);
    let pool = executor.pool_with(options);
    pool.submit(log.job("dropped")).unwrap();
    pool.submit(log.job("dropped")).unwrap();
    pool.requeue(log.job("requeued")).unwrap();
    pool.submit(log.job("first")).unwrap();
    pool.submit(log.job("second")).unwrap();
    let stats = pool.stats();
    assert_eq!((stats.discarded, stats.requeued), (2, 1));
    assert_eq!(counts(&pool), (1, 1, 4, 0, 0));
    executor.run_all();
    assert_eq!(log.take(), ["first", "requeued", "second"]);
    assert_eq!(counts(&pool), (0, 0, 5, 0, 3));
}

/// A2, P2: a submitter that gives up leaves the line to the others.
#[test]
fn a_submitter_that_gives_up_leaves_the_line() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let options = PoolOptions::new(1, 0).overflow(Overflow::BlockFor(Duration::from_millis(200)));
    let pool = executor.pool_with(options);
    pool.submit(log.job("runs")).unwrap();
    let gives_up = submit_blocked(&pool, log.job("gives up"));
    pool.requeue(log.job("behind")).unwrap();
    let rejected = gives_up.wait().unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::TimedOut { .. }
    ));
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (0, 1));
    executor.run_all();
    assert_eq!(log.take(), ["runs", "behind"]);
}

/// P5: submitters that are blocked when the pool closes get their jobs back; what was requeued runs.
#[test]
fn a_release_rejects_blocked_submitters_and_runs_requeued_jobs() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 0);
    pool.submit(log.job("runs")).unwrap();
    let blocked = submit_blocked(&pool, log.job("blocked"));
    pool.requeue(log.job("requeued")).unwrap();
    let releasing = Arc::clone(&pool);
    let release = in_thread(move || releasing.release());
    let rejected = blocked.wait().unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    release.wait_while_running(&executor);
    assert_eq!(log.take(), ["runs", "requeued"]);
    assert_eq!(counts(&pool), (0, 0, 2, 1, 2));
}

/// P1, P3: many threads submit, requeue and give up while permits fail, and each job runs once or comes back.
#[test]
fn no_job_is_lost_while_permits_fail() {
    const THREADS: usize = 4;
    const JOBS: usize = 2_000;
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    executor.set_behavior(Behavior::SpawnOrFail);
    for (max_workers, capacity) in [(1, 0), (1, 1), (3, 2)] {
        let pool = executor.pool(max_workers, capacity);
        let start = Barrier::new(THREADS);
        let accepted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (pool, start, ran) = (&pool, &start, &ran);
                    scope.spawn(move || {
                        start.wait();
                        (0..JOBS / THREADS)
                            .filter(|number| {
                                let job = counting(ran);
                                match (thread + number) % 3 {
                                    0 => pool.submit(job).is_ok(),
                                    1 => pool.try_submit(job).is_ok(),
                                    _ => pool.requeue(job).is_ok(),
                                }
                            })
                            .count()
                    })
                })
                .collect();
            threads.into_iter().map(|one| one.join().unwrap()).sum()
        });
        pool.release();
        assert_eq!(ran.swap(0, Ordering::SeqCst), accepted);
        let (active, waiting, submitted, rejected, completed) = counts(&pool);
        assert_eq!((active, waiting), (0, 0));
        assert_eq!((submitted, completed), (accepted as u64, accepted as u64));
        assert_eq!(rejected, (JOBS - accepted) as u64);
    }
}
