//! Tasks that wait for a place, without a thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree_bounded::{BoundedPool, Permit};
use soiree_core::{Job, Overflow, Pool, PoolOptions, Reservation, Reserve, SubmitErrorReason};

use crate::common::{
    Behavior, RunLog, ScriptedExecutor, TIME_LIMIT, counts, in_thread, submit_blocked, wait_until,
};

type TestPool = Arc<BoundedPool<ScriptedExecutor>>;

/// A future that is polled by hand, with a waker that counts.
struct Polled {
    reserve: Reserve,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Polled {
    fn new(pool: &TestPool) -> Self {
        Self {
            reserve: pool.reserve().expect("the pool can do this"),
            wakes: Arc::default(),
        }
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }

    fn poll(&mut self) -> Poll<Result<Reservation, SubmitErrorReason>> {
        poll(&mut self.reserve, &Waker::from(Arc::clone(&self.wakes)))
    }

    /// The place that it gets at once.
    fn ready(pool: &TestPool) -> Reservation {
        match Self::new(pool).poll() {
            Poll::Ready(place) => place.expect("there is a place"),
            Poll::Pending => panic!("there is a place"),
        }
    }

    /// One that waits.
    fn waiting(pool: &TestPool) -> Self {
        let mut waiting = Self::new(pool);
        let blocked = pool.stats().blocked;
        assert!(waiting.poll().is_pending());
        assert_eq!(pool.stats().blocked, blocked + 1);
        waiting
    }

    /// The place of one that was woken.
    #[track_caller]
    fn granted(mut self) -> Reservation {
        assert!(self.wakes() > 0, "it is woken");
        match self.poll() {
            Poll::Ready(place) => place.expect("it has a place"),
            Poll::Pending => panic!("it has a place"),
        }
    }
}

fn poll(reserve: &mut Reserve, waker: &Waker) -> Poll<Result<Reservation, SubmitErrorReason>> {
    Pin::new(reserve).poll(&mut Context::from_waker(waker))
}

/// Fills the pool: one job for each worker, and those that wait.
fn fill(pool: &TestPool, log: &RunLog, jobs: usize) {
    (0..jobs).for_each(|_| pool.submit(log.job("before")).unwrap());
}

fn run_one(executor: &ScriptedExecutor) {
    executor.take_permits().into_iter().for_each(Permit::run);
}

/// A2: the job of a task starts before those of all who began to wait later, also if the task submits it late.
#[test]
fn the_job_of_a_task_starts_in_the_order_of_the_line() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 2);
    fill(&pool, &log, 3);
    let task = Polled::waiting(&pool);
    let blocked = submit_blocked(&pool, log.job("thread"));
    pool.requeue(log.job("requeued")).unwrap();
    let later = Polled::waiting(&pool);
    run_one(&executor);
    assert_eq!((task.wakes(), later.wakes()), (1, 0));
    let place = task.granted();
    run_one(&executor);
    blocked.wait().unwrap();
    // The thread has the place behind it, and began to wait after it.
    place.submit(log.job("task")).unwrap();
    run_one(&executor);
    executor.run_all();
    later.granted().submit(log.job("later")).unwrap();
    executor.run_all();
    let order = [
        "before", "before", "before", "task", "thread", "requeued", "later",
    ];
    assert_eq!(log.take(), order);
    assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
}

/// P5: a release runs what was accepted although every place, and every worker, is kept for jobs to come.
#[test]
fn a_release_takes_back_places_that_are_kept() {
    for stop in [false, true] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, 1);
        let [used, unused] = [(); 2].map(|()| Polled::ready(&pool));
        assert_eq!(pool.stats().reserved, 2);
        pool.requeue(log.job("requeued")).unwrap();
        let task = Polled::waiting(&pool);
        assert_eq!(pool.stats().requeued, 1);
        let closing = Arc::clone(&pool);
        let closed = in_thread(move || match stop {
            true => closing.stop(),
            false => closing.release(),
        });
        closed.wait_while_running(&executor);
        assert_eq!(log.take().len(), usize::from(!stop));
        assert_eq!(pool.stats().reserved, 0, "a closed pool keeps none");
        let rejected = used.submit(log.job("late")).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
        drop((rejected, unused));
        assert_eq!((task.wakes(), pool.stats().reserved), (1, 0));
    }
}

/// P1: a pool whose last task has its place, or has given up, is idle, and says so to those who wait for that.
#[test]
fn waiting_until_the_pool_is_idle_ends_with_the_last_task() {
    for how in 0..4 {
        let executor = ScriptedExecutor::new();
        let pool = executor.pool(1, 0);
        let kept = Polled::ready(&pool);
        let task = Polled::waiting(&pool);
        let waiting = Arc::clone(&pool);
        let (started, starts) = channel();
        let idle = in_thread(move || {
            started.send(()).unwrap();
            waiting.wait_idle(Instant::now() + 2 * TIME_LIMIT)
        });
        starts.recv_timeout(TIME_LIMIT).unwrap();
        // It may not wait yet. Then it finds the pool idle, which is right as well.
        assert!(!pool.wait_idle(Instant::now() + Duration::from_millis(50)));
        match how {
            0 => drop(task),
            1 => drop(kept),
            2 => pool.resize(2).unwrap(),
            _ => pool.stop(),
        }
        assert!(idle.wait(), "{how}");
    }
}

/// P1: so it is with a thread that gives up.
#[test]
fn waiting_until_the_pool_is_idle_ends_with_a_thread_that_gives_up() {
    let executor = ScriptedExecutor::new();
    let limit = Overflow::BlockFor(Duration::from_millis(100));
    let pool = executor.pool_with(PoolOptions::new(1, 0).overflow(limit));
    let kept = Polled::ready(&pool);
    let blocked = submit_blocked(&pool, Job::new(|| {}));
    let waiting = Arc::clone(&pool);
    let idle = in_thread(move || waiting.wait_idle(Instant::now() + 2 * TIME_LIMIT));
    let rejected = blocked.wait().unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::TimedOut { .. }
    ));
    assert!(idle.wait());
    assert_eq!(counts(&pool).3, 1);
    drop(kept);
}

/// P2: a job with a place is not overtaken when the limit of workers is lowered.
#[test]
fn a_job_that_lost_its_worker_comes_before_those_that_wait() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(2, 0);
    pool.submit(log.job("runs")).unwrap();
    let kept = Polled::ready(&pool);
    pool.resize(1).unwrap();
    pool.requeue(log.job("requeued")).unwrap();
    let task = Polled::waiting(&pool);
    kept.submit(log.job("kept")).unwrap();
    let stats = pool.stats();
    assert_eq!((stats.requeued, stats.waiting, stats.reserved), (1, 0, 0));
    executor.run_all();
    assert_eq!(log.take(), ["runs", "kept", "requeued"]);
    drop(task.granted());
    pool.release();
}

/// P8: tasks of a pool without workers do not wait for ever, whatever the executor does.
#[test]
fn tasks_of_an_executor_that_fails_are_woken() {
    for behavior in [Behavior::Fail, Behavior::Panic, Behavior::Drop] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, 1);
        fill(&pool, &log, 2);
        let (task, blocked) = (
            Polled::waiting(&pool),
            submit_blocked(&pool, log.job("thread")),
        );
        let last = Polled::waiting(&pool);
        executor.set_behavior(behavior);
        match behavior {
            Behavior::Drop => drop(executor.take_permits()),
            _ => run_one(&executor),
        }
        wait_until("the first task is woken", || task.wakes() > 0);
        let place = task.granted();
        executor.set_behavior(Behavior::Keep);
        // Whoever waits behind it goes on as well.
        drop(place);
        let submitted = in_thread(move || blocked.wait()).wait_while_running(&executor);
        wait_until("the last task is woken", || last.wakes() > 0);
        assert!(
            submitted.is_ok() || behavior == Behavior::Drop,
            "{behavior:?}"
        );
        drop(last);
        assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
    }
}

/// A2: what a task was polled with last wakes it, from whatever thread, and only once. A place keeps no pool alive.
#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, 0);
    let kept = Polled::ready(&pool);
    let mut task = Polled::waiting(&pool);
    let former = std::mem::take(&mut task.wakes);
    let mut task = in_thread(move || {
        assert!(task.poll().is_pending());
        task
    })
    .wait();
    drop(kept);
    let wakes = (former.0.load(Ordering::SeqCst), task.wakes());
    assert_eq!((wakes, Arc::strong_count(&former)), ((0, 1), 1));
    let Poll::Ready(Ok(place)) = task.poll() else {
        panic!("it has a place");
    };
    drop(task);
    let shared = Arc::downgrade(&pool);
    drop(pool);
    assert!(shared.upgrade().is_none());
    in_thread(move || {
        let rejected = place.submit(Job::new(|| {})).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    })
    .wait();
}

/// A2, P5: a pool whose last handle is dropped ends the wait of its tasks, and what comes later is rejected.
#[test]
fn tasks_of_a_pool_that_is_dropped_are_rejected() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, 0);
    let kept = Polled::ready(&pool);
    let (mut waits, mut unpolled) = (Polled::waiting(&pool), Polled::new(&pool));
    let never_polled_again = Polled::waiting(&pool);
    drop(Arc::into_inner(pool).expect("it is the last handle"));
    assert_eq!((waits.wakes(), never_polled_again.wakes()), (1, 1));
    for task in [&mut waits, &mut unpolled] {
        let Poll::Ready(Err(SubmitErrorReason::Closed)) = task.poll() else {
            panic!("the pool is closed");
        };
    }
    drop((never_polled_again, kept));
}

/// A waker that blocks until it is told to go on.
struct BlockingWaker {
    entered: AtomicBool,
    go_on: Mutex<Receiver<()>>,
}

impl Wake for BlockingWaker {
    fn wake(self: Arc<Self>) {
        self.entered.store(true, Ordering::SeqCst);
        let _ = self.go_on.lock().unwrap().recv_timeout(TIME_LIMIT);
    }
}

fn blocking_waker() -> (Sender<()>, Arc<BlockingWaker>) {
    let (go_on, wait) = channel();
    let waker = BlockingWaker {
        entered: AtomicBool::new(false),
        go_on: Mutex::new(wait),
    };
    (go_on, Arc::new(waker))
}

/// E8: a release ends although the thread that stopped the pool is held up by a waker.
#[test]
fn a_waker_that_blocks_holds_up_no_release() {
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, 0);
    pool.submit(Job::new(|| {})).unwrap();
    let (go_on, waker) = blocking_waker();
    let mut task = pool.reserve().unwrap();
    assert!(poll(&mut task, &Waker::from(Arc::clone(&waker))).is_pending());
    let waiting = Arc::clone(&pool);
    let idle = in_thread(move || waiting.wait_idle(Instant::now() + 2 * TIME_LIMIT));
    wait_until("it waits", || !idle_now(&pool));
    let stopping = Arc::clone(&pool);
    let stopped = in_thread(move || stopping.stop());
    wait_until("the waker is called", || {
        waker.entered.load(Ordering::SeqCst)
    });
    assert!(idle.wait(), "it does not wait for the waker");
    go_on.send(()).unwrap();
    stopped.wait();
}

fn idle_now(pool: &TestPool) -> bool {
    pool.wait_idle(Instant::now())
}

/// What a waker does that is not friendly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hostile {
    Panics,
    Submits,
    Stops,
    DropsItsTask,
}

struct HostileWaker {
    hostile: Hostile,
    pool: Weak<BoundedPool<ScriptedExecutor>>,
    task: Mutex<Option<Reserve>>,
}

impl Wake for HostileWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let pool = self.pool.upgrade();
        match self.hostile {
            Hostile::Panics => panic!("the waker"),
            Hostile::Submits => pool.into_iter().for_each(|pool| {
                let _ = pool.try_submit(Job::new(|| {}));
            }),
            Hostile::Stops => pool.into_iter().for_each(|pool| pool.stop()),
            Hostile::DropsItsTask => drop(self.task.lock().unwrap().take()),
        }
    }
}

impl Drop for HostileWaker {
    fn drop(&mut self) {
        if self.hostile == Hostile::Panics && !thread::panicking() {
            panic!("the waker's Drop");
        }
    }
}

/// E8: whatever wakers do, the thread that wakes them goes on, and those behind them are served.
#[test]
fn hostile_wakers_harm_nobody_else() {
    for hostile in [
        Hostile::Panics,
        Hostile::Submits,
        Hostile::Stops,
        Hostile::DropsItsTask,
    ] {
        let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
        let pool = executor.pool(1, 1);
        fill(&pool, &log, 2);
        let mut tasks = Vec::new();
        for _ in 0..2 {
            let waker = Arc::new(HostileWaker {
                hostile,
                pool: Arc::downgrade(&pool),
                task: Mutex::default(),
            });
            let mut reserve = pool.reserve().unwrap();
            assert!(poll(&mut reserve, &Waker::from(Arc::clone(&waker))).is_pending());
            match hostile {
                Hostile::DropsItsTask => *waker.task.lock().unwrap() = Some(reserve),
                _ => tasks.push(reserve),
            }
        }
        let last = Polled::waiting(&pool);
        executor.run_all();
        if hostile == Hostile::Stops {
            assert!(pool.is_closed() && last.wakes() > 0);
        } else {
            drop(tasks);
            executor.run_all();
            last.granted().submit(log.job("last")).unwrap();
            executor.run_all();
            assert_eq!(log.take(), ["before", "before", "last"], "{hostile:?}");
        }
        pool.release();
        assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
        let stats = pool.stats();
        assert!(stats.is_balanced() && stats.is_idle(), "{stats:?}");
    }
}
