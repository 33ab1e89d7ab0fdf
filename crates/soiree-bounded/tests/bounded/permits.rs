//! What happens to permits, and to the jobs that they are for.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::{DrainTimeout, Job, Pool, PoolOptions, SubmitErrorReason, WaitError};

use crate::common::{Behavior, ScriptedExecutor, counting, counts};

/// P2: the executor gets one permit for each job and never more permits than workers, and the queue is bounded.
#[test]
fn the_executor_gets_no_more_permits_than_max_workers() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(2, 3);
    for _ in 0..5 {
        pool.try_submit(counting(&ran)).unwrap();
    }
    let rejected = pool.try_submit(counting(&ran)).unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::Full { capacity: 3 }
    ));
    assert_eq!(counts(&pool), (2, 3, 5, 1, 0));
    let two = executor.take_permits();
    assert_eq!(two.len(), 2);
    two.into_iter().for_each(Permit::run);
    assert_eq!(counts(&pool), (2, 1, 5, 1, 2));
    assert_eq!(executor.run_all(), 3);
    assert_eq!(ran.load(Ordering::SeqCst), 5);
    assert_eq!(counts(&pool), (0, 0, 5, 1, 5));
}

/// P3, P8: if the executor fails, in any way, the submitter gets the job back; if the executor recovers, so does the pool.
#[test]
fn a_permit_that_cannot_be_sent_returns_the_job() {
    for behavior in [Behavior::Fail, Behavior::Panic, Behavior::Drop] {
        for capacity in [0, 2] {
            let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
            let pool = executor.pool(1, capacity);
            executor.set_behavior(behavior);
            let rejected = pool.submit(counting(&ran)).unwrap_err();
            let is_expected = match behavior {
                Behavior::Drop => matches!(rejected.reason, SubmitErrorReason::Closed),
                _ => matches!(rejected.reason, SubmitErrorReason::Spawn(_)),
            };
            assert!(is_expected, "{behavior:?}: {rejected}");
            assert_eq!(counts(&pool), (0, 0, 0, 1, 0));
            drop(rejected.into_job().run());
            executor.set_behavior(Behavior::Keep);
            pool.submit(counting(&ran)).unwrap();
            assert_eq!(executor.run_all(), 1);
            assert_eq!(ran.load(Ordering::SeqCst), 2);
            assert_eq!(counts(&pool), (0, 0, 1, 1, 1));
            pool.release();
        }
    }
}

/// P3: an executor may return an error although it has run the permit.
#[test]
fn a_job_that_ran_is_not_returned() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(1, 2);
    executor.set_behavior(Behavior::RunAndFail);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(counts(&pool), (0, 0, 1, 0, 1));
}

/// P8: if a permit cannot be sent but other workers are left, the job waits for them.
#[test]
fn a_failed_permit_makes_the_pool_smaller() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(2, 1);
    pool.submit(counting(&ran)).unwrap();
    executor.set_behavior(Behavior::Fail);
    pool.submit(counting(&ran)).unwrap();
    let rejected = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    assert_eq!(counts(&pool), (1, 1, 2, 1, 0));
    // No second permit can be sent, so the first one runs both jobs.
    assert_eq!(executor.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 2);
    assert_eq!(counts(&pool), (0, 0, 2, 1, 2));
}

/// P3, P8: jobs that were accepted because a permit was on its way run on the thread that failed to send it.
#[test]
fn jobs_queued_behind_a_failed_permit_run_all_the_same() {
    struct SubmitsAndFails {
        pool: Arc<Mutex<Option<Arc<BoundedPool<Self>>>>>,
        ran: Arc<AtomicUsize>,
    }
    impl Executor for SubmitsAndFails {
        fn execute(&self, _: Permit) -> io::Result<()> {
            let pool = self.pool.lock().unwrap().clone();
            if let Some(pool) = pool {
                // Another submitter, while the permit is on its way.
                thread::scope(|scope| {
                    let submitter = scope.spawn(|| pool.submit(counting(&self.ran)));
                    submitter.join().unwrap().unwrap();
                });
            }
            Err(io::Error::from(io::ErrorKind::WouldBlock))
        }
    }
    let (own, ran) = (Arc::default(), Arc::default());
    let failing = SubmitsAndFails {
        pool: Arc::clone(&own),
        ran: Arc::clone(&ran),
    };
    let pool = Arc::new(BoundedPool::new(failing, PoolOptions::new(1, 2)).unwrap());
    *own.lock().unwrap() = Some(Arc::clone(&pool));
    let submitted = pool.submit(Job::new(|| panic!("the submitter gets this one back")));
    assert!(submitted.is_err());
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(counts(&pool), (0, 0, 1, 1, 1));
    *own.lock().unwrap() = None;
}

/// P1, P5: an executor that ends drops its permits. The waiting jobs are discarded, and threads that wait for them wake.
#[test]
fn permits_that_are_dropped_discard_the_waiting_jobs() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(2, 3);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.submit_and_wait(Job::new(|| {})));
        while pool.submitted_tasks() == 0 {
            thread::yield_now();
        }
        for _ in 0..4 {
            pool.submit(counting(&ran)).unwrap();
        }
        let mut sent = executor.take_permits();
        assert_eq!(sent.len(), 2);
        drop(sent.pop());
        assert_eq!(pool.stats().discarded, 0, "the other permit is still there");
        drop(sent);
        assert!(matches!(waiter.join().unwrap(), Err(WaitError::Discarded)));
    });
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!((pool.stats().discarded, pool.stats().waiting), (5, 0));
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(executor.run_all(), 1);
    pool.release();
    assert_eq!(counts(&pool), (0, 0, 6, 0, 1));
}

/// P5: after a stop, permits find no job, and the pool drops the executor.
#[test]
fn a_stop_discards_jobs_that_have_not_started() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let alive = Arc::downgrade(&executor.behavior);
    let pool = executor.pool(2, 3);
    for _ in 0..5 {
        pool.submit(counting(&ran)).unwrap();
    }
    pool.stop();
    assert_eq!((pool.stats().discarded, pool.stats().running), (5, 0));
    executor.run_all();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    let rejected = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    pool.release();
    drop(executor);
    assert!(
        alive.upgrade().is_none(),
        "the pool has dropped the executor"
    );
    assert_eq!(counts(&pool), (0, 0, 5, 1, 0));
}

/// P5: a release that misses its deadline reports how many jobs the executor had not started.
#[test]
fn a_missed_deadline_reports_the_discarded_jobs() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(1, 3);
    for _ in 0..3 {
        pool.submit(counting(&ran)).unwrap();
    }
    assert_eq!(
        pool.release_with_deadline(Instant::now()),
        Err(DrainTimeout::new(0, 3))
    );
    assert_eq!(pool.release_with_deadline(Instant::now()), Ok(()));
    assert_eq!(executor.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

/// P3, P5: accepted jobs still run after the last handle is dropped.
#[test]
fn a_dropped_pool_still_runs_its_jobs() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let alive = Arc::downgrade(&executor.behavior);
    let pool = executor.pool(1, 3);
    for _ in 0..3 {
        pool.submit(counting(&ran)).unwrap();
    }
    drop(pool);
    assert_eq!(executor.run_all(), 3);
    assert_eq!(ran.load(Ordering::SeqCst), 3);
    drop(executor);
    assert!(alive.upgrade().is_none());
}

/// P4: a thread that permits need never waits for one.
#[test]
fn threads_of_the_executor_do_not_wait_for_it() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(1, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    executor.on_thread.store(true, Ordering::SeqCst);
    let check = pool.worker_check().unwrap();
    assert!(pool.on_worker() && check.is_worker());
    let rejected = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
    pool.submit_and_wait(counting(&ran)).unwrap();
    assert_eq!(counts(&pool), (1, 1, 3, 1, 1));
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 3);
    assert_eq!(counts(&pool), (0, 0, 3, 1, 3));
    executor.run_all();
    assert_eq!(ran.load(Ordering::SeqCst), 3);
}

/// P3, P5: an executor that drops permits has ended. The waiting jobs are discarded and new ones rejected; the thread whose job
/// has just ended does not run them either.
#[test]
fn an_executor_that_has_ended_runs_nothing_more() {
    let (executor, ran) = (ScriptedExecutor::new(), Arc::default());
    let pool = executor.pool(1, 5);
    for _ in 0..4 {
        pool.submit(counting(&ran)).unwrap();
    }
    executor.set_behavior(Behavior::Drop);
    assert_eq!(executor.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(pool.stats().discarded, 3);
    assert!(pool.submit(counting(&ran)).is_err());
    assert_eq!(counts(&pool), (0, 0, 4, 1, 1));
}
