//! Which pools' jobs the calling thread is running.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::thread_local;

/// Jobs of one pool that may run inline inside one another on one thread.
pub const MAX_INLINE_DEPTH: usize = 16;

/// Says whether the calling thread is a worker of the pool it was made by. See [`Pool::worker_check`].
pub type WorkerCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// Keeps track of which threads are inside jobs of a pool, and how deep.
///
/// For those who write pools: it answers [`Pool::on_worker`](crate::Pool::on_worker), and says when a job that a worker
/// submits to its own pool may still run inline. A clone stands for the same pool.
///
/// ```
/// use soiree_core::WorkerContext;
/// let nesting = WorkerContext::new();
/// let check = nesting.worker_check();
/// assert!(!check());
/// {
///     let _entered = nesting.enter_worker();
///     let _deeper = nesting.enter_inline().expect("16 are allowed");
///     assert!(check() && nesting.is_worker());
///     assert_eq!(nesting.depth(), 2);
/// }
/// assert_eq!(nesting.depth(), 0);
/// ```
#[derive(Debug, Clone)]
pub struct WorkerContext {
    pool: u64,
}

/// Why a thread is inside a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Worker,
    Caller,
}

thread_local! {
    static POOLS: RefCell<Vec<(u64, As)>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread is inside a pool until this is dropped, on the same thread.
#[must_use]
#[derive(Debug)]
pub struct WorkerGuard {
    entry: (u64, As),
    not_send: PhantomData<*const ()>,
}

impl WorkerContext {
    /// For one pool, which no thread is inside of yet.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let pool = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { pool }
    }

    /// The calling thread becomes a worker of the pool.
    pub fn enter_worker(&self) -> WorkerGuard {
        enter(self.pool, As::Worker)
    }

    /// The calling thread is about to run a job in place of a worker; `None` if it runs [`MAX_INLINE_DEPTH`] already.
    pub fn enter_inline(&self) -> Option<WorkerGuard> {
        let depth = count(|entry| *entry == (self.pool, As::Caller));
        (depth < MAX_INLINE_DEPTH).then(|| enter(self.pool, As::Caller))
    }

    /// How many jobs of the pool run inside one another on this thread, inline or as a worker.
    pub fn depth(&self) -> usize {
        count(|(pool, _)| *pool == self.pool)
    }

    /// Whether this thread is a worker of the pool, and not one that only runs a job of it inline.
    pub fn is_worker(&self) -> bool {
        self.worker_depth() > 0
    }

    /// How often this thread has become a worker: more than once only where other code runs jobs inside one another, as a
    /// work-stealing pool does that looks for work while it waits.
    pub fn worker_depth(&self) -> usize {
        count(|entry| *entry == (self.pool, As::Worker))
    }

    /// What [`Pool::worker_check`](crate::Pool::worker_check) is to return.
    pub fn worker_check(&self) -> WorkerCheck {
        let nesting = self.clone();
        Arc::new(move || nesting.depth() > 0)
    }
}

impl Default for WorkerContext {
    fn default() -> Self {
        Self::new()
    }
}

fn enter(pool: u64, role: As) -> WorkerGuard {
    let entry = (pool, role);
    let _ = POOLS.try_with(|pools| pools.borrow_mut().push(entry));
    WorkerGuard {
        entry,
        not_send: PhantomData,
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        let _ = POOLS.try_with(|pools| {
            let mut pools = pools.borrow_mut();
            // Mostly the last one, but that is up to whoever holds it.
            if let Some(at) = pools.iter().rposition(|entry| *entry == self.entry) {
                pools.remove(at);
            }
        });
    }
}

fn count(holds: impl Fn(&(u64, As)) -> bool) -> usize {
    let count =
        |pools: &RefCell<Vec<(u64, As)>>| pools.borrow().iter().filter(|p| holds(p)).count();
    POOLS.try_with(count).unwrap_or(0)
}
