//! Wakers of tasks that wait for a place: code of the user's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Instant;

use soiree_bounded::BoundedPool;
use soiree_core::{Job, Pool, Reserve};

use crate::common::{RunLog, ScriptedExecutor, TIME_LIMIT, in_thread, wait_until};
use crate::polled::{Polled, TestPool, fill, poll};

/// A waker that blocks until the test lets it go on.
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
