//! An executor whose behaviour the test scripts, and helpers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree_bounded::{BoundedPool, Executor, Permit, StartedJob};
use soiree_core::{Job, Pool, PoolOptions, ResizeError, SubmitError};

/// No wait takes longer, unless something is wrong.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Blocks until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::yield_now();
    }
}

/// What a thread of the test returns.
pub(crate) struct Returned<T>(Receiver<T>);

/// Runs `work` on a thread of its own. The test fails if it never returns, instead of waiting for it.
pub(crate) fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Returned<T> {
    let (sender, receiver) = channel();
    thread::spawn(move || drop(sender.send(work())));
    Returned(receiver)
}

impl<T> Returned<T> {
    pub(crate) fn wait(self) -> T {
        let returned = self.0.recv_timeout(TIME_LIMIT);
        returned.expect("the thread has returned in time")
    }

    /// Returns whether the thread has returned in time, and has not panicked.
    pub(crate) fn wait_for_end(self) -> bool {
        self.0.recv_timeout(TIME_LIMIT).is_ok()
    }

    /// Runs the executor's permits until the thread has returned.
    pub(crate) fn wait_while_running(self, executor: &ScriptedExecutor) -> T {
        self.wait_while(|| {
            executor.run_all();
        })
    }

    /// Starts the executor's permits, and polls the futures once, until the thread has returned.
    pub(crate) fn wait_while_polling(self, executor: &ScriptedExecutor) -> T {
        self.wait_while(|| {
            for mut job in executor
                .take_permits()
                .into_iter()
                .filter_map(Permit::start)
            {
                assert!(poll(&mut job).is_ready());
            }
        })
    }

    fn wait_while(self, mut act: impl FnMut()) -> T {
        let deadline = Instant::now() + TIME_LIMIT;
        loop {
            act();
            match self.0.try_recv() {
                Ok(returned) => return returned,
                Err(TryRecvError::Empty) => {
                    assert!(
                        Instant::now() < deadline,
                        "the thread has not returned in time"
                    );
                }
                Err(TryRecvError::Disconnected) => panic!("the thread has panicked"),
            }
            thread::yield_now();
        }
    }
}

/// Polls a job that an executor has started.
pub(crate) fn poll(job: &mut StartedJob) -> Poll<()> {
    Pin::new(job).poll(&mut Context::from_waker(Waker::noop()))
}

/// Records the order in which jobs run.
#[derive(Clone, Default)]
pub(crate) struct RunLog(Arc<Mutex<Vec<&'static str>>>);

impl RunLog {
    pub(crate) fn job(&self, name: &'static str) -> Job {
        let log = Arc::clone(&self.0);
        Job::new(move || log.lock().unwrap().push(name))
    }

    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// What the executor does with the permits that it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behavior {
    Keep,
    Fail,
    Panic,
    Drop,
    RunAndFail,
    /// Runs the permit on a thread of its own.
    Spawn,
    /// Fails for every third permit.
    SpawnOrFail,
}

/// Keeps its permits until the test runs or drops them, unless another behaviour is set.
#[derive(Clone)]
pub(crate) struct ScriptedExecutor {
    pub(crate) behavior: Arc<Mutex<Behavior>>,
    kept: Arc<Mutex<Vec<Permit>>>,
    sent: Arc<AtomicUsize>,
    pub(crate) on_thread: Arc<AtomicBool>,
    polls_futures: bool,
}

impl ScriptedExecutor {
    pub(crate) fn new() -> Self {
        Self {
            behavior: Arc::new(Mutex::new(Behavior::Keep)),
            kept: Arc::default(),
            sent: Arc::default(),
            on_thread: Arc::default(),
            polls_futures: false,
        }
    }

    /// Makes a pool whose futures the test starts and polls.
    pub(crate) fn polling() -> Self {
        Self {
            polls_futures: true,
            ..Self::new()
        }
    }

    pub(crate) fn set_behavior(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    pub(crate) fn take_permits(&self) -> Vec<Permit> {
        std::mem::take(&mut *self.kept.lock().unwrap())
    }

    /// Runs permits until none is kept. Returns how many it ran.
    pub(crate) fn run_all(&self) -> usize {
        let mut count = 0;
        loop {
            let permits = self.take_permits();
            if permits.is_empty() {
                return count;
            }
            count += permits.len();
            permits.into_iter().for_each(Permit::run);
        }
    }

    pub(crate) fn pool(&self, max_workers: usize, capacity: usize) -> Arc<BoundedPool<Self>> {
        self.pool_with(PoolOptions::new(max_workers, capacity))
    }

    pub(crate) fn pool_with(&self, options: PoolOptions) -> Arc<BoundedPool<Self>> {
        Arc::new(BoundedPool::new(self.clone(), options).unwrap())
    }
}

impl Executor for ScriptedExecutor {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        let behavior = *self.behavior.lock().unwrap();
        match behavior {
            Behavior::Keep => self.kept.lock().unwrap().push(permit),
            Behavior::Fail => return Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Behavior::Panic => panic!("no thread can be started"),
            Behavior::Drop => drop(permit),
            Behavior::SpawnOrFail if self.sent.fetch_add(1, Ordering::SeqCst) % 3 == 2 => {
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            }
            Behavior::Spawn | Behavior::SpawnOrFail => {
                thread::Builder::new().spawn(|| permit.run())?;
            }
            Behavior::RunAndFail => {
                thread::spawn(|| permit.run()).join().unwrap();
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            }
        }
        Ok(())
    }

    fn polls_futures(&self) -> bool {
        self.polls_futures
    }

    fn on_thread(&self) -> bool {
        self.on_thread.load(Ordering::SeqCst)
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}

/// A job that adds one to `count`.
pub(crate) fn counting(count: &Arc<AtomicUsize>) -> Job {
    let count = Arc::clone(count);
    Job::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    })
}

/// Submits the job on a thread of its own, and returns once that is blocked.
pub(crate) fn submit_blocked<E: Executor>(
    pool: &Arc<BoundedPool<E>>,
    job: Job,
) -> Returned<Result<(), SubmitError>> {
    let blocked = pool.stats().blocked;
    let submitter = {
        let pool = Arc::clone(pool);
        in_thread(move || pool.submit(job))
    };
    wait_until("the submitter is blocked", || {
        pool.stats().blocked == blocked + 1
    });
    submitter
}

/// Active, waiting, submitted, rejected and completed jobs.
pub(crate) fn counts<E: Executor>(pool: &BoundedPool<E>) -> (usize, usize, u64, u64, u64) {
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
