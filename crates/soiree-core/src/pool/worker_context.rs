//! Which pools the calling thread runs jobs of.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::thread_local;

/// How many jobs of one pool may run inline inside one another on one thread.
pub const MAX_INLINE_DEPTH: usize = 16;

/// Knows whether the calling thread works for a pool. See [`Pool::worker_check`](crate::Pool::worker_check).
///
/// That of a [`WorkerContext`] costs the same however many pools an `EventPool` has; a function of your own is called for each of its
/// emits.
#[derive(Clone)]
pub struct WorkerCheck(Check);

#[derive(Clone)]
enum Check {
    Context(WorkerContext),
    Function(Arc<dyn Fn() -> bool + Send + Sync>),
}

/// Tracks which threads run jobs of a pool, and how many inside one another.
///
/// For implementors of pools: it answers [`Pool::on_worker`](crate::Pool::on_worker), and decides whether a worker that submits a
/// job to its own pool may run it inline. Clones stand for the same pool.
///
/// ```
/// use soiree_core::WorkerContext;
/// let context = WorkerContext::new();
/// let check = context.worker_check();
/// assert!(!check.is_worker());
/// {
///     let _worker = context.enter_worker();
///     let _inline = context.enter_inline().expect("16 are allowed");
///     assert!(check.is_worker() && context.is_worker());
///     assert_eq!(context.depth(), 2);
/// }
/// assert_eq!(context.depth(), 0);
/// ```
#[derive(Debug, Clone)]
pub struct WorkerContext {
    pool: u64,
}

/// As what a thread has entered a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Worker,
    Caller,
}

thread_local! {
    static ENTERED: RefCell<Vec<(u64, Role)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the calling thread inside a pool until it is dropped, on the same thread.
#[must_use]
#[derive(Debug)]
pub struct WorkerGuard {
    entered: (u64, Role),
    not_send: PhantomData<*const ()>,
}

impl WorkerCheck {
    /// Calls this function each time. It must not block.
    pub fn new(is_worker: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Check::Function(Arc::new(is_worker)))
    }

    /// Whether the calling thread works for the pool.
    pub fn is_worker(&self) -> bool {
        match &self.0 {
            Check::Context(context) => context.depth() > 0,
            Check::Function(is_worker) => is_worker(),
        }
    }

    /// The number of the pool in [`WorkerContext::any_entered`], if the check is that of a context.
    #[doc(hidden)]
    pub fn context_number(&self) -> Option<u64> {
        match &self.0 {
            Check::Context(context) => Some(context.pool),
            Check::Function(_) => None,
        }
    }
}

impl fmt::Debug for WorkerCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerCheck")
    }
}

impl WorkerContext {
    /// Whether `holds` is true for the number of any pool that the calling thread works for.
    #[doc(hidden)]
    #[inline]
    pub fn any_entered(holds: impl Fn(u64) -> bool) -> bool {
        let any =
            |all: &RefCell<Vec<(u64, Role)>>| all.borrow().iter().any(|(pool, _)| holds(*pool));
        ENTERED.try_with(any).unwrap_or(false)
    }

    /// A context for a new pool.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let pool = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { pool }
    }

    /// Enters the pool as a worker.
    pub fn enter_worker(&self) -> WorkerGuard {
        enter(self.pool, Role::Worker)
    }

    /// Enters the pool to run a job inline. `None` if the thread already runs [`MAX_INLINE_DEPTH`] jobs of the pool inline.
    pub fn enter_inline(&self) -> Option<WorkerGuard> {
        let depth = count(|entered| *entered == (self.pool, Role::Caller));
        (depth < MAX_INLINE_DEPTH).then(|| enter(self.pool, Role::Caller))
    }

    /// How often the calling thread has entered the pool, as a worker or inline.
    pub fn depth(&self) -> usize {
        count(|(pool, _)| *pool == self.pool)
    }

    /// Whether the calling thread has entered the pool as a worker, and not only inline.
    pub fn is_worker(&self) -> bool {
        self.worker_depth() > 0
    }

    /// How often the calling thread has entered the pool as a worker.
    ///
    /// More than once if the threads run other jobs while a job waits, as those of a work-stealing pool do.
    pub fn worker_depth(&self) -> usize {
        count(|entered| *entered == (self.pool, Role::Worker))
    }

    /// What to return from [`Pool::worker_check`](crate::Pool::worker_check). Does not keep the pool alive.
    pub fn worker_check(&self) -> WorkerCheck {
        WorkerCheck(Check::Context(self.clone()))
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
            if all.last() == Some(&self.entered) {
                all.pop();
            } else if let Some(index) = all.iter().rposition(|one| *one == self.entered) {
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
