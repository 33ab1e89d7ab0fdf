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
enum Role {
    Worker,
    Caller,
}

thread_local! {
    static ENTERED: RefCell<Vec<(u64, Role)>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread is inside a pool until this is dropped, on the same thread.
#[must_use]
#[derive(Debug)]
pub struct WorkerGuard {
    entered: (u64, Role),
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
        enter(self.pool, Role::Worker)
    }

    /// The calling thread is about to run a job in place of a worker; `None` if it runs [`MAX_INLINE_DEPTH`] already.
    pub fn enter_inline(&self) -> Option<WorkerGuard> {
        let depth = count(|entered| *entered == (self.pool, Role::Caller));
        (depth < MAX_INLINE_DEPTH).then(|| enter(self.pool, Role::Caller))
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
        count(|entered| *entered == (self.pool, Role::Worker))
    }

    /// What [`Pool::worker_check`](crate::Pool::worker_check) is to return.
    pub fn worker_check(&self) -> WorkerCheck {
        let context = self.clone();
        Arc::new(move || context.depth() > 0)
    }
}

impl Default for WorkerContext {
    fn default() -> Self {
        Self::new()
    }
}

fn enter(pool: u64, role: Role) -> WorkerGuard {
    let entered = (pool, role);
    let _ = ENTERED.try_with(|all| all.borrow_mut().push(entered));
    WorkerGuard {
        entered,
        not_send: PhantomData,
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        let _ = ENTERED.try_with(|all| {
            let mut all = all.borrow_mut();
            // Guards may be dropped in any order, though mostly the last one is.
            if let Some(index) = all.iter().rposition(|one| *one == self.entered) {
                all.remove(index);
            }
        });
    }
}

fn count(is_counted: impl Fn(&(u64, Role)) -> bool) -> usize {
    let count =
        |all: &RefCell<Vec<(u64, Role)>>| all.borrow().iter().filter(|one| is_counted(one)).count();
    ENTERED.try_with(count).unwrap_or(0)
}
