//! Whether the calling thread polls a future of any pool, or drops one.

use std::cell::Cell;
use std::marker::PhantomData;

use soiree_core::sync::thread_local;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Such a thread may be the one that other futures need, so nothing may wait for them here.
pub(crate) fn is_polling() -> bool {
    DEPTH.try_with(Cell::get).unwrap_or(0) > 0
}

/// The thread polls a future until this is dropped.
#[must_use]
pub(crate) struct PollGuard(PhantomData<*const ()>);

impl PollGuard {
    pub(crate) fn enter() -> Self {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Self(PhantomData)
    }
}

impl Drop for PollGuard {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    }
}
