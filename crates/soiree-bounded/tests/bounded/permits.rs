//! What becomes of turns, and of the jobs they were for.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::{DrainTimeout, Job, Pool, PoolOptions, SubmitErrorReason, WaitError};

use crate::common::{Does, Permits, counting, figures};

/// P2: one turn for each job, never more turns than workers, never more jobs waiting than may.
#[test]
fn the_executor_gets_no_more_turns_than_there_may_be_workers() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(2, 3);
    for _ in 0..5 {
        pool.try_submit(counting(&ran)).unwrap();
    }
    let refused = pool.try_submit(counting(&ran)).unwrap_err();
    assert!(matches!(
        refused.reason,
        SubmitErrorReason::Full { capacity: 3 }
    ));
    assert_eq!(figures(&pool), (2, 3, 5, 1, 0));
    let two = turns.take();
    assert_eq!(two.len(), 2);
    two.into_iter().for_each(Permit::run);
    assert_eq!(figures(&pool), (2, 1, 5, 1, 2));
    assert_eq!(turns.run_all(), 3);
    assert_eq!(ran.load(Ordering::SeqCst), 5);
    assert_eq!(figures(&pool), (0, 0, 5, 1, 5));
}

/// P3, P8: whatever way an executor fails in, the job comes back, and the pool recovers with the executor.
#[test]
fn a_turn_that_nobody_will_run_gives_the_job_back() {
    for does in [Does::Fail, Does::Panic, Does::Drop] {
        for capacity in [0, 2] {
            let (turns, ran) = (Permits::new(), Arc::default());
            let pool = turns.pool(1, capacity);
            turns.now(does);
            let refused = pool.submit(counting(&ran)).unwrap_err();
            assert!(
                matches!(refused.reason, SubmitErrorReason::Spawn(_)),
                "{does:?}"
            );
            assert_eq!(figures(&pool), (0, 0, 0, 1, 0));
            drop(refused.into_job().run());
            turns.now(Does::Keep);
            pool.submit(counting(&ran)).unwrap();
            assert_eq!(turns.run_all(), 1);
            assert_eq!(ran.load(Ordering::SeqCst), 2);
            assert_eq!(figures(&pool), (0, 0, 1, 1, 1));
            pool.release();
        }
    }
}

/// P3: an executor that says that it failed may have run the turn.
#[test]
fn a_job_that_ran_is_not_given_back() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(1, 2);
    turns.now(Does::RunAndFail);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(figures(&pool), (0, 0, 1, 0, 1));
}

/// P8: a job that others can run waits for them.
#[test]
fn a_failed_turn_beside_others_makes_the_pool_smaller() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(2, 1);
    pool.submit(counting(&ran)).unwrap();
    turns.now(Does::Fail);
    pool.submit(counting(&ran)).unwrap();
    let refused = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::Spawn(_)));
    assert_eq!(figures(&pool), (1, 1, 2, 1, 0));
    // Without another turn to be had, the first one goes on.
    assert_eq!(turns.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 2);
    assert_eq!(figures(&pool), (0, 0, 2, 1, 2));
}

/// P3, P8: jobs that were accepted because a turn was on its way run on the thread that could not send it.
#[test]
fn jobs_that_trusted_in_a_failed_turn_run_all_the_same() {
    struct Slow {
        pool: Arc<Mutex<Option<Arc<BoundedPool<Self>>>>>,
        ran: Arc<AtomicUsize>,
    }
    impl Executor for Slow {
        fn execute(&self, _: Permit) -> io::Result<()> {
            let pool = self.pool.lock().unwrap().clone();
            if let Some(pool) = pool {
                // Another submitter, while the turn is on its way.
                thread::scope(|scope| {
                    let submitter = scope.spawn(|| pool.submit(counting(&self.ran)));
                    submitter.join().unwrap().unwrap();
                });
            }
            Err(io::Error::from(io::ErrorKind::WouldBlock))
        }
    }
    let (own, ran) = (Arc::default(), Arc::default());
    let slow = Slow {
        pool: Arc::clone(&own),
        ran: Arc::clone(&ran),
    };
    let pool = Arc::new(BoundedPool::new(slow, PoolOptions::new(1, 2)).unwrap());
    *own.lock().unwrap() = Some(Arc::clone(&pool));
    let refused = pool.submit(Job::new(|| panic!("this one comes back")));
    assert!(refused.is_err());
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(figures(&pool), (0, 0, 1, 1, 1));
    *own.lock().unwrap() = None;
}

/// P1, P5: an executor that ends drops its turns; what waited is discarded, and whoever waits for it wakes.
#[test]
fn turns_that_are_dropped_later_discard_what_waits() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(2, 3);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.submit_and_wait(Job::new(|| {})));
        while pool.submitted_tasks() == 0 {
            thread::yield_now();
        }
        for _ in 0..4 {
            pool.submit(counting(&ran)).unwrap();
        }
        let mut sent = turns.take();
        assert_eq!(sent.len(), 2);
        drop(sent.pop());
        assert_eq!(pool.stats().discarded, 0, "the other turn is still there");
        drop(sent);
        assert!(matches!(waiter.join().unwrap(), Err(WaitError::Discarded)));
    });
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!((pool.stats().discarded, pool.stats().waiting), (5, 0));
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(turns.run_all(), 1);
    pool.release();
    assert_eq!(figures(&pool), (0, 0, 6, 0, 1));
}

/// P5: turns that come when the pool has stopped find nothing, and the executor is let go.
#[test]
fn a_stop_discards_what_had_not_started() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let alive = Arc::downgrade(&turns.does);
    let pool = turns.pool(2, 3);
    for _ in 0..5 {
        pool.submit(counting(&ran)).unwrap();
    }
    pool.stop();
    assert_eq!((pool.stats().discarded, pool.stats().running), (5, 0));
    turns.run_all();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    let refused = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::Closed));
    pool.release();
    drop(turns);
    assert!(alive.upgrade().is_none(), "the pool holds it no longer");
    assert_eq!(figures(&pool), (0, 0, 5, 1, 0));
}

/// P5: of what an executor does not get to in time, it is said how much it was.
#[test]
fn a_release_says_what_the_executor_did_not_get_to() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(1, 3);
    for _ in 0..3 {
        pool.submit(counting(&ran)).unwrap();
    }
    assert_eq!(
        pool.release_with_deadline(Instant::now()),
        Err(DrainTimeout::new(0, 3))
    );
    assert_eq!(pool.release_with_deadline(Instant::now()), Ok(()));
    assert_eq!(turns.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

/// P3, P5: what was accepted runs also when the last handle is gone.
#[test]
fn a_dropped_pool_goes_on_with_its_turns() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let alive = Arc::downgrade(&turns.does);
    let pool = turns.pool(1, 3);
    for _ in 0..3 {
        pool.submit(counting(&ran)).unwrap();
    }
    drop(pool);
    assert_eq!(turns.run_all(), 3);
    assert_eq!(ran.load(Ordering::SeqCst), 3);
    drop(turns);
    assert!(alive.upgrade().is_none());
}

/// P4: on a thread that the turns need, nothing waits for one.
#[test]
fn threads_of_the_executor_do_not_wait_for_it() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(1, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    turns.on_thread.store(true, Ordering::SeqCst);
    let check = pool.worker_check().unwrap();
    assert!(pool.on_worker() && check());
    let refused = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::Full { .. }));
    pool.submit_and_wait(counting(&ran)).unwrap();
    assert_eq!(figures(&pool), (1, 1, 3, 1, 1));
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 3);
    assert_eq!(figures(&pool), (0, 0, 3, 1, 3));
    turns.run_all();
    assert_eq!(ran.load(Ordering::SeqCst), 3);
}

/// P3, P5: an executor that drops turns has ended: what waits is discarded, what comes is refused, and no job that ran goes on
/// with the others on its own thread.
#[test]
fn an_executor_that_has_ended_runs_nothing_more() {
    let (turns, ran) = (Permits::new(), Arc::default());
    let pool = turns.pool(1, 5);
    for _ in 0..4 {
        pool.submit(counting(&ran)).unwrap();
    }
    turns.now(Does::Drop);
    assert_eq!(turns.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(pool.stats().discarded, 3);
    assert!(pool.submit(counting(&ran)).is_err());
    assert_eq!(figures(&pool), (0, 0, 4, 1, 1));
}
