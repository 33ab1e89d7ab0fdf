//! Work that was accepted before, on a pool that has no place or no worker for it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::{DrainTimeout, Job, Pool, PoolOptions, SubmitError, SubmitErrorReason};

use crate::common::{
    Behavior, Returned, RunLog, ScriptedExecutor, TIME_LIMIT, counting, counts, in_thread,
    submit_blocked,
};

/// E7, P8: if no worker can be had, a requeued job neither comes back nor runs on the calling thread. It waits, counted, and is
/// sent again whenever somebody calls the pool, before newer jobs.
#[test]
fn a_requeued_job_outlives_a_failing_executor() {
    type Occasion = fn(&BoundedPool<ScriptedExecutor>, &RunLog);
    let occasions: [(&str, Occasion, &[&str]); 4] = [
        (
            "submit",
            |pool, log| pool.submit(log.job("new")).unwrap(),
            &["requeued", "new"],
        ),
        (
            "try_submit",
            |pool, log| pool.try_submit(log.job("new")).unwrap(),
            &["requeued", "new"],
        ),
        (
            "requeue",
            |pool, log| pool.requeue(log.job("new")).unwrap(),
            &["requeued", "new"],
        ),
        ("resize", |pool, _| pool.resize(1).unwrap(), &["requeued"]),
    ];
    for failure in [Behavior::Fail, Behavior::Panic] {
        for capacity in [1, 3] {
            for (name, occasion, expected) in occasions {
                let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
                let pool = executor.pool(1, capacity);
                executor.set_behavior(failure);
                pool.requeue(log.job("requeued")).unwrap();
                assert_eq!((pool.stats().requeued, counts(&pool)), (1, (0, 0, 0, 0, 0)));
                let (submitting, rejected) = (Arc::clone(&pool), log.job("rejected"));
                let submitter = in_thread(move || submitting.submit(rejected));
                let rejected = submitter.wait().unwrap_err();
                assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
                drop(rejected);
                assert_eq!((pool.stats().requeued, counts(&pool)), (1, (0, 0, 0, 1, 0)));
                executor.set_behavior(Behavior::Keep);
                occasion(&pool, &log);
                executor.run_all();
                assert_eq!(log.take(), expected, "{name} is an occasion");
                assert_eq!(pool.stats().requeued, 0);
            }
        }
    }
}

/// E7, P8: the end of a job is an occasion too, also for a job that has a place in a queue without capacity.
#[test]
fn a_requeued_job_runs_when_a_job_ends() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(2, 0);
    pool.submit(log.job("runs")).unwrap();
    executor.set_behavior(Behavior::Fail);
    pool.requeue(log.job("requeued")).unwrap();
    assert_eq!((pool.stats().requeued, counts(&pool)), (1, (1, 0, 1, 0, 0)));
    executor.run_all();
    assert_eq!(log.take(), ["runs", "requeued"]);
}

/// P5: a release runs requeued jobs, on the releasing thread if no other can be had.
#[test]
fn a_release_runs_requeued_jobs_itself_if_it_must() {
    for recovers in [false, true] {
        let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
        let pool = executor.pool(1, 0);
        executor.set_behavior(Behavior::Fail);
        for _ in 0..3 {
            pool.requeue(counting(&ran)).unwrap();
        }
        if recovers {
            executor.set_behavior(Behavior::Spawn);
        }
        pool.release_with_deadline(Instant::now() + TIME_LIMIT)
            .unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 3);
        assert_eq!(counts(&pool), (0, 0, 3, 0, 3));
    }
}

/// P1, P5: a stop and a missed deadline discard requeued jobs. They count as submitted then.
#[test]
fn a_stopped_pool_discards_requeued_jobs() {
    for by_deadline in [false, true] {
        let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
        let pool = executor.pool(1, 1);
        for _ in 0..4 {
            pool.requeue(counting(&ran)).unwrap();
        }
        assert_eq!((pool.stats().requeued, counts(&pool)), (2, (1, 1, 2, 0, 0)));
        if by_deadline {
            let released = pool.release_with_deadline(Instant::now());
            assert_eq!(released, Err(DrainTimeout::new(0, 4)));
        } else {
            pool.stop();
        }
        executor.run_all();
        assert_eq!(
            (pool.stats().discarded, counts(&pool)),
            (4, (0, 0, 4, 0, 0))
        );
        assert_eq!((pool.stats().requeued, ran.load(Ordering::SeqCst)), (0, 0));
        let rejected = pool.requeue(counting(&ran)).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    }
}

/// P3, P8: if the executor has ended, a requeued job comes back, and those that wait are discarded.
#[test]
fn an_executor_that_has_ended_returns_the_requeued_job() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(1, 1);
    executor.set_behavior(Behavior::Fail);
    pool.requeue(counting(&ran)).unwrap();
    executor.set_behavior(Behavior::Drop);
    let rejected = pool.requeue(counting(&ran)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    assert_eq!((pool.stats().requeued, pool.stats().discarded), (0, 1));
    assert_eq!(counts(&pool), (0, 0, 1, 1, 0));
}

/// P3, P5: a dropped pool still runs what was requeued. If no worker can be had, nobody will call the pool any more, so it
/// discards those jobs.
#[test]
fn a_dropped_pool_runs_requeued_jobs_or_discards_them() {
    struct Discarded(Arc<AtomicUsize>);
    impl Drop for Discarded {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    for (behavior, expected) in [(Behavior::Keep, (2, 2)), (Behavior::Fail, (0, 2))] {
        let executor = ScriptedExecutor::new();
        let (ran, dropped) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let pool = executor.pool(1, 0);
        executor.set_behavior(Behavior::Fail);
        for _ in 0..2 {
            let (ran, dropped) = (Arc::clone(&ran), Discarded(Arc::clone(&dropped)));
            pool.requeue(Job::new(move || {
                let _dropped = dropped;
                ran.fetch_add(1, Ordering::SeqCst);
            }))
            .unwrap();
        }
        executor.set_behavior(behavior);
        drop(pool);
        executor.run_all();
        let counts = (ran.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst));
        assert_eq!(counts, expected);
    }
}

/// P8: a submitter that is blocked when the last worker goes does not wait for ever: it runs, or gets its job back.
#[test]
fn a_blocked_submitter_outlives_the_last_worker() {
    for behavior in [Behavior::Fail, Behavior::Panic, Behavior::Drop] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, 0);
        pool.submit(log.job("runs")).unwrap();
        let blocked = submit_blocked(&pool, log.job("blocked"));
        executor.set_behavior(behavior);
        executor.run_all();
        let was_accepted = blocked.wait().is_ok();
        let expected: &[_] = match was_accepted && behavior != Behavior::Drop {
            true => &["runs", "blocked"],
            false => &["runs"],
        };
        assert_eq!(log.take(), expected);
        pool.release_with_deadline(Instant::now() + TIME_LIMIT)
            .unwrap();
        assert_eq!((pool.stats().blocked, pool.stats().requeued), (0, 0));
    }
}

/// P8: so does one that is blocked behind a job whose permit cannot be sent.
#[test]
fn a_submitter_blocked_behind_a_failed_permit_gets_its_job_back() {
    type Submitter = Returned<Result<(), SubmitError>>;
    struct BlocksOneAndFails {
        pool: Arc<Mutex<Weak<BoundedPool<Self>>>>,
        blocked: Sender<Submitter>,
    }
    impl Executor for BlocksOneAndFails {
        fn execute(&self, _: Permit) -> io::Result<()> {
            let pool = std::mem::take(&mut *self.pool.lock().unwrap());
            if let Some(pool) = pool.upgrade() {
                let submitter = submit_blocked(&pool, Job::new(|| panic!("it comes back")));
                self.blocked.send(submitter).unwrap();
            }
            Err(io::Error::from(io::ErrorKind::WouldBlock))
        }
    }
    let (own, (blocked, submitter)) = (Arc::default(), channel());
    let executor = BlocksOneAndFails {
        pool: Arc::clone(&own),
        blocked,
    };
    let pool = Arc::new(BoundedPool::new(executor, PoolOptions::new(1, 0)).unwrap());
    *own.lock().unwrap() = Arc::downgrade(&pool);
    assert!(pool.submit(Job::new(|| panic!("it comes back"))).is_err());
    let rejected = submitter.recv().unwrap().wait().unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    assert_eq!((pool.stats().blocked, counts(&pool)), (0, (0, 0, 0, 2, 0)));
}
