//! `BoundedPool` over executors that do as the test says.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    BoundedPool, Executor, InvalidPoolOptions, Job, Overflow, Pool, PoolOptions, ResizeError,
    SubmitErrorReason, Turn, Unfinished, WaitError,
};

/// What the executor does with a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Keep,
    Fail,
    Panic,
    Drop,
    RunAndFail,
}

/// Keeps its turns until the test runs or drops them.
#[derive(Clone)]
struct Turns {
    does: Arc<Mutex<Does>>,
    kept: Arc<Mutex<Vec<Turn>>>,
    on_thread: Arc<AtomicBool>,
}

impl Turns {
    fn new() -> Self {
        Self {
            does: Arc::new(Mutex::new(Does::Keep)),
            kept: Arc::default(),
            on_thread: Arc::default(),
        }
    }

    fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn take(&self) -> Vec<Turn> {
        std::mem::take(&mut *self.kept.lock().unwrap())
    }

    /// Runs turns until there are no more; says how many.
    fn run_all(&self) -> usize {
        let mut count = 0;
        loop {
            let turns = self.take();
            if turns.is_empty() {
                return count;
            }
            count += turns.len();
            turns.into_iter().for_each(Turn::run);
        }
    }

    fn pool(&self, max_workers: usize, capacity: usize) -> BoundedPool<Self> {
        BoundedPool::new(self.clone(), PoolOptions::new(max_workers, capacity)).unwrap()
    }
}

impl Executor for Turns {
    fn execute(&self, turn: Turn) -> io::Result<()> {
        let does = *self.does.lock().unwrap();
        match does {
            Does::Keep => self.kept.lock().unwrap().push(turn),
            Does::Fail => return Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Does::Panic => panic!("no thread to be had"),
            Does::Drop => drop(turn),
            Does::RunAndFail => {
                thread::spawn(|| turn.run()).join().unwrap();
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            }
        }
        Ok(())
    }

    fn on_thread(&self) -> bool {
        self.on_thread.load(Ordering::SeqCst)
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}

fn counting(count: &Arc<AtomicUsize>) -> Job {
    let count = Arc::clone(count);
    Job::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    })
}

fn figures<E: Executor>(pool: &BoundedPool<E>) -> (usize, usize, u64, u64, u64) {
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    (
        stats.active,
        stats.waiting,
        stats.submitted,
        stats.rejected,
        stats.completed(),
    )
}

/// P2: one turn for each job, never more turns than workers, never more jobs waiting than may.
#[test]
fn the_executor_gets_no_more_turns_than_there_may_be_workers() {
    let (turns, ran) = (Turns::new(), Arc::default());
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
    two.into_iter().for_each(Turn::run);
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
            let (turns, ran) = (Turns::new(), Arc::default());
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
    let (turns, ran) = (Turns::new(), Arc::default());
    let pool = turns.pool(1, 2);
    turns.now(Does::RunAndFail);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(figures(&pool), (0, 0, 1, 0, 1));
}

/// P8: a job that others can run waits for them.
#[test]
fn a_failed_turn_beside_others_makes_the_pool_smaller() {
    let (turns, ran) = (Turns::new(), Arc::default());
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
        fn execute(&self, _: Turn) -> io::Result<()> {
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
    let (turns, ran) = (Turns::new(), Arc::default());
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
    let (turns, ran) = (Turns::new(), Arc::default());
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
    let (turns, ran) = (Turns::new(), Arc::default());
    let pool = turns.pool(1, 3);
    for _ in 0..3 {
        pool.submit(counting(&ran)).unwrap();
    }
    assert_eq!(
        pool.release_with_deadline(Instant::now()),
        Err(Unfinished::new(0, 3))
    );
    assert_eq!(pool.release_with_deadline(Instant::now()), Ok(()));
    assert_eq!(turns.run_all(), 1);
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

/// P3, P5: what was accepted runs also when the last handle is gone.
#[test]
fn a_dropped_pool_goes_on_with_its_turns() {
    let (turns, ran) = (Turns::new(), Arc::default());
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
    let (turns, ran) = (Turns::new(), Arc::default());
    let pool = turns.pool(1, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    turns.on_thread.store(true, Ordering::SeqCst);
    let check = pool.worker_check().unwrap();
    assert!(pool.on_worker() && check());
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1, "it ran inline");
    pool.submit_and_wait(counting(&ran)).unwrap();
    assert_eq!(figures(&pool), (1, 1, 4, 0, 2));
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 4);
    assert_eq!(figures(&pool), (0, 0, 4, 0, 4));
    turns.run_all();
    assert_eq!(ran.load(Ordering::SeqCst), 4);
}

/// P2: a higher limit starts what waits, a lower one holds for what has not started.
#[test]
fn a_resize_takes_effect_at_once() {
    let (turns, ran) = (Turns::new(), Arc::default());
    let pool = turns.pool(1, 4);
    for _ in 0..5 {
        pool.submit(counting(&ran)).unwrap();
    }
    pool.resize(3).unwrap();
    assert_eq!(figures(&pool), (3, 2, 5, 0, 0));
    let three = turns.take();
    assert_eq!(three.len(), 3);
    pool.resize(1).unwrap();
    three.into_iter().for_each(Turn::run);
    assert_eq!(turns.take().len(), 1, "one turn for those that wait");
    assert_eq!(pool.resize(0), Err(ResizeError::NoWorkers));
    assert_eq!(pool.stats().max_workers, 1);
}

/// P2: submitters wait for a place, for as long as they are to.
#[test]
fn a_full_queue_holds_submitters_back() {
    let (turns, ran) = (Turns::new(), Arc::default());
    let options = PoolOptions::new(1, 1).overflow(Overflow::BlockFor(Duration::from_millis(1)));
    let pool = BoundedPool::new(turns.clone(), options).unwrap();
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    let refused = pool.submit(counting(&ran)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::TimedOut { .. }));

    let turns = Turns::new();
    let pool = turns.pool(1, 1);
    pool.submit(counting(&ran)).unwrap();
    pool.submit(counting(&ran)).unwrap();
    thread::scope(|scope| {
        let blocked = scope.spawn(|| pool.submit(counting(&ran)));
        while !blocked.is_finished() {
            turns.run_all();
            thread::yield_now();
        }
        blocked.join().unwrap().unwrap();
    });
    turns.run_all();
    assert_eq!(figures(&pool), (0, 0, 3, 0, 3));
}

/// P2: the newest jobs take the place of the oldest, or run on their submitter, or are refused.
#[test]
fn the_other_policies_do_as_they_say() {
    let ran = Arc::default();
    let full = |overflow, capacity| {
        let turns = Turns::new();
        let options = PoolOptions::new(1, capacity).overflow(overflow);
        let pool = BoundedPool::new(turns.clone(), options).unwrap();
        for _ in 0..=capacity {
            pool.submit(counting(&ran)).unwrap();
        }
        (pool, turns)
    };
    let (pool, turns) = full(Overflow::DropOldest, 2);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(figures(&pool), (1, 2, 4, 0, 0));
    turns.run_all();
    assert_eq!(pool.stats().discarded, 1);
    assert_eq!(ran.swap(0, Ordering::SeqCst), 3);

    let (pool, _turns) = full(Overflow::CallerRuns, 1);
    pool.submit(counting(&ran)).unwrap();
    assert_eq!(ran.swap(0, Ordering::SeqCst), 1);
    assert_eq!(figures(&pool), (1, 1, 3, 0, 1));

    for (overflow, capacity) in [(Overflow::Reject, 1), (Overflow::DropOldest, 0)] {
        let (pool, _turns) = full(overflow, capacity);
        let refused = pool.submit(counting(&ran)).unwrap_err();
        assert!(matches!(refused.reason, SubmitErrorReason::Full { .. }));
    }
}

/// P2: what cannot work is refused, and the error names the value.
#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |options| {
        BoundedPool::new(Turns::new(), options)
            .map(drop)
            .unwrap_err()
    };
    assert_eq!(
        refused(PoolOptions::new(0, 1)),
        InvalidPoolOptions::NoWorkers
    );
    let message = refused(PoolOptions::new(usize::MAX, 1)).to_string();
    assert!(message.starts_with(&format!("max_workers is {}", usize::MAX)));
    let message = refused(PoolOptions::new(1, usize::MAX)).to_string();
    assert!(message.starts_with(&format!("capacity is {}", usize::MAX)));
    let message = refused(PoolOptions::new(1, 1).name("a\0b")).to_string();
    assert_eq!(
        message,
        "the name \"a\\0b\" holds a NUL character at byte 1"
    );
}
