//! A `threadpool::ThreadPool` as an executor that returns errors instead of panicking.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;
use soiree_core::panic::caught;
use threadpool::ThreadPool;

pub(crate) struct ThreadPoolExecutor {
    pool: ThreadPool,
    /// How many threads were started; `None` if other code uses them too. `threadpool` replaces a thread that dies.
    own_threads: Option<AtomicUsize>,
    growing: Mutex<()>,
}

impl ThreadPoolExecutor {
    /// Starts all threads.
    pub(crate) fn start(name: &str, threads: usize) -> io::Result<Self> {
        let one_thread = threadpool::Builder::new()
            .num_threads(1)
            .thread_name(name.to_owned());
        let executor = Self {
            pool: panic_to_error(|| one_thread.build())?,
            own_threads: Some(AtomicUsize::new(1)),
            growing: Mutex::new(()),
        };
        executor.grow(threads).map(|()| executor)
    }

    pub(crate) fn shared(pool: ThreadPool) -> Self {
        Self {
            pool,
            own_threads: None,
            growing: Mutex::new(()),
        }
    }

    fn grow(&self, threads: usize) -> io::Result<()> {
        let Some(started) = &self.own_threads else {
            return Ok(());
        };
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // One at a time: if `threadpool` panics, it does not say how many it has started.
        for count in started.load(Ordering::SeqCst)..threads {
            let mut pool = self.pool.clone();
            if let Err(error) = panic_to_error(|| pool.set_num_threads(count + 1)) {
                pool.set_num_threads(count);
                return Err(error);
            }
            started.store(count + 1, Ordering::SeqCst);
        }
        Ok(())
    }
}

fn panic_to_error<T>(start: impl FnOnce() -> T) -> io::Result<T> {
    caught(start).map_err(|payload| io::Error::other(payload.message().to_owned()))
}

impl Executor for ThreadPoolExecutor {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        self.pool.execute(move || permit.run());
        Ok(())
    }

    fn threads(&self) -> Option<usize> {
        self.own_threads
            .as_ref()
            .map(|threads| threads.load(Ordering::SeqCst))
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        if self.own_threads.is_none() && max_workers > self.pool.max_count() {
            // The jobs above that would wait in the queue of `threadpool`, which has no bound.
            return Err(ResizeError::Fixed { max: max_workers });
        }
        self.grow(max_workers).map_err(|_| ResizeError::Spawn {
            max: max_workers,
            started: self.threads().unwrap_or(0),
        })
    }
}
