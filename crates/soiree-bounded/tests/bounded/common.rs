//! An executor that does as the test says.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::{Job, Pool, PoolOptions, ResizeError};

/// What the executor does with a permit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Does {
    Keep,
    Fail,
    Panic,
    Drop,
    RunAndFail,
}

/// Keeps its turns until the test runs or drops them.
#[derive(Clone)]
pub(crate) struct Permits {
    pub(crate) does: Arc<Mutex<Does>>,
    kept: Arc<Mutex<Vec<Permit>>>,
    pub(crate) on_thread: Arc<AtomicBool>,
}

impl Permits {
    pub(crate) fn new() -> Self {
        Self {
            does: Arc::new(Mutex::new(Does::Keep)),
            kept: Arc::default(),
            on_thread: Arc::default(),
        }
    }

    pub(crate) fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    pub(crate) fn take(&self) -> Vec<Permit> {
        std::mem::take(&mut *self.kept.lock().unwrap())
    }

    /// Runs turns until there are no more; says how many.
    pub(crate) fn run_all(&self) -> usize {
        let mut count = 0;
        loop {
            let turns = self.take();
            if turns.is_empty() {
                return count;
            }
            count += turns.len();
            turns.into_iter().for_each(Permit::run);
        }
    }

    pub(crate) fn pool(&self, max_workers: usize, capacity: usize) -> BoundedPool<Self> {
        BoundedPool::new(self.clone(), PoolOptions::new(max_workers, capacity)).unwrap()
    }
}

impl Executor for Permits {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        let does = *self.does.lock().unwrap();
        match does {
            Does::Keep => self.kept.lock().unwrap().push(permit),
            Does::Fail => return Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Does::Panic => panic!("no thread to be had"),
            Does::Drop => drop(permit),
            Does::RunAndFail => {
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

pub(crate) fn counting(count: &Arc<AtomicUsize>) -> Job {
    let count = Arc::clone(count);
    Job::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    })
}

pub(crate) fn figures<E: Executor>(pool: &BoundedPool<E>) -> (usize, usize, u64, u64, u64) {
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
