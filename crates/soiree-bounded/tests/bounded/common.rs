//! An executor whose behaviour the test scripts, and helpers.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::{Job, Pool, PoolOptions, ResizeError};

/// What the executor does with the permits that it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behavior {
    Keep,
    Fail,
    Panic,
    Drop,
    RunAndFail,
}

/// Keeps its permits until the test runs or drops them, unless another behaviour is set.
#[derive(Clone)]
pub(crate) struct ScriptedExecutor {
    pub(crate) behavior: Arc<Mutex<Behavior>>,
    kept: Arc<Mutex<Vec<Permit>>>,
    pub(crate) on_thread: Arc<AtomicBool>,
}

impl ScriptedExecutor {
    pub(crate) fn new() -> Self {
        Self {
            behavior: Arc::new(Mutex::new(Behavior::Keep)),
            kept: Arc::default(),
            on_thread: Arc::default(),
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

    pub(crate) fn pool(&self, max_workers: usize, capacity: usize) -> BoundedPool<Self> {
        BoundedPool::new(self.clone(), PoolOptions::new(max_workers, capacity)).unwrap()
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
            Behavior::RunAndFail => {
                thread::spawn(|| permit.run()).join().unwrap();
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

/// A job that adds one to `count`.
pub(crate) fn counting(count: &Arc<AtomicUsize>) -> Job {
    let count = Arc::clone(count);
    Job::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    })
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
