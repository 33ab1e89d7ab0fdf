//! Which pools' jobs the calling thread is running.

use std::cell::RefCell;

/// Why a thread is inside a pool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// It is one of the live workers.
    Worker,
    /// It runs a job in place of a worker.
    Caller,
}

thread_local! {
    static POOLS: RefCell<Vec<(usize, As)>> = const { RefCell::new(Vec::new()) };
}

/// Takes the entry off again.
pub(crate) struct Entered;

pub(crate) fn enter(pool: usize, role: As) -> Entered {
    let _ = POOLS.try_with(|pools| pools.borrow_mut().push((pool, role)));
    Entered
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = POOLS.try_with(|pools| pools.borrow_mut().pop());
    }
}

fn count(holds: impl Fn(&(usize, As)) -> bool) -> usize {
    let count =
        |pools: &RefCell<Vec<(usize, As)>>| pools.borrow().iter().filter(|p| holds(p)).count();
    POOLS.try_with(count).unwrap_or(0)
}

/// How many jobs of this pool run inside one another on this thread.
pub(crate) fn depth(pool: usize) -> usize {
    count(|(inside, _)| *inside == pool)
}

/// How many of them run inline.
pub(crate) fn inline_depth(pool: usize) -> usize {
    count(|entry| *entry == (pool, As::Caller))
}

/// Whether this thread counts among the pool's live workers.
pub(crate) fn is_worker(pool: usize) -> bool {
    count(|entry| *entry == (pool, As::Worker)) > 0
}
