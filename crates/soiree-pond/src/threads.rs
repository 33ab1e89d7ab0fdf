//! A `threadpool::ThreadPool` that panics no more.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use soiree_bounded::{Executor, Permit};
use soiree_core::{PanicPayload, ResizeError};
use threadpool::ThreadPool;

pub(crate) struct Threads {
    pool: ThreadPool,
    /// How many were started, if they are there for this pool alone. `threadpool` starts one anew when one dies.
    own: Option<AtomicUsize>,
    growing: Mutex<()>,
}

impl Threads {
    /// As many threads, each started now.
    pub(crate) fn start(name: &str, threads: usize) -> io::Result<Self> {
        let first = threadpool::Builder::new()
            .num_threads(1)
            .thread_name(name.to_owned());
        let this = Self {
            pool: caught(|| first.build())?,
            own: Some(AtomicUsize::new(1)),
            growing: Mutex::new(()),
        };
        this.grow(threads).map(|()| this)
    }

    pub(crate) fn shared(pool: ThreadPool) -> Self {
        Self {
            pool,
            own: None,
            growing: Mutex::new(()),
        }
    }

    fn grow(&self, threads: usize) -> io::Result<()> {
        let Some(started) = &self.own else {
            return Ok(());
        };
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // One by one, since `threadpool` does not say how many it has started when it panics.
        for count in started.load(Ordering::SeqCst)..threads {
            let mut pool = self.pool.clone();
            if let Err(error) = caught(|| pool.set_num_threads(count + 1)) {
                pool.set_num_threads(count);
                return Err(error);
            }
            started.store(count + 1, Ordering::SeqCst);
        }
        Ok(())
    }
}

fn caught<T>(start: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(start))
        .map_err(|payload| io::Error::other(PanicPayload::new(payload).message().to_owned()))
}

impl Executor for Threads {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        self.pool.execute(move || permit.run());
        Ok(())
    }

    fn threads(&self) -> Option<usize> {
        self.own.as_ref().map(|own| own.load(Ordering::SeqCst))
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        self.grow(max_workers).map_err(|_| ResizeError::Spawn {
            max: max_workers,
            started: self.threads().unwrap_or(0),
        })
    }
}
