//! Which pools' jobs the calling thread is running.

use std::cell::RefCell;

thread_local! {
    static POOLS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Takes the job off again.
pub(crate) struct Entered;

pub(crate) fn enter(pool: usize) -> Entered {
    let _ = POOLS.try_with(|pools| pools.borrow_mut().push(pool));
    Entered
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = POOLS.try_with(|pools| pools.borrow_mut().pop());
    }
}

/// How many jobs of this pool run inside one another on this thread.
pub(crate) fn depth(pool: usize) -> usize {
    let count = |pools: &RefCell<Vec<usize>>| pools.borrow().iter().filter(|p| **p == pool).count();
    POOLS.try_with(count).unwrap_or(0)
}
