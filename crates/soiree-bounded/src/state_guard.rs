//! The lock of a pool's state.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, MutexGuard};

use crate::state::State;
use crate::task_waiter::TaskWaiter;

/// The locked state of a pool. Once it is unlocked, wakes the tasks whose wait is over: their wakers are user code.
pub(crate) struct StateGuard<'a, E> {
    // In this order: the fields are dropped one after another.
    state: MutexGuard<'a, State<E>>,
    woken: WokenLater,
}

/// Boxed and mostly `None`: every job locks the state several times.
struct WokenLater(Option<Box<Woken>>);

/// Tasks whose wait is over. Wakes them when it is dropped.
pub(crate) struct Woken(Vec<Arc<TaskWaiter>>);

impl<'a, E> StateGuard<'a, E> {
    #[inline]
    pub(crate) fn new(state: MutexGuard<'a, State<E>>) -> Self {
        Self {
            state,
            woken: WokenLater(None),
        }
    }

    #[cold]
    fn wake_later(&mut self) {
        let woken = std::mem::take(&mut self.state.line.woken);
        self.woken = WokenLater(Some(Box::new(Woken(woken))));
    }

    /// Unlocks the state, and leaves it to the caller when to wake the tasks: their wakers may block.
    pub(crate) fn unlock(mut self) -> Woken {
        Woken(std::mem::take(&mut self.state.line.woken))
    }
}

impl<E> Drop for StateGuard<'_, E> {
    #[inline]
    fn drop(&mut self) {
        if !self.state.line.woken.is_empty() {
            self.wake_later();
        }
    }
}

/// Small enough to be inlined where the state is unlocked.
impl Drop for WokenLater {
    #[inline]
    fn drop(&mut self) {
        if let Some(woken) = self.0.take() {
            wake(woken);
        }
    }
}

#[cold]
fn wake(woken: Box<Woken>) {
    drop(woken);
}

impl Drop for Woken {
    fn drop(&mut self) {
        for task in &self.0 {
            task.wake();
        }
    }
}

impl<E> Deref for StateGuard<'_, E> {
    type Target = State<E>;

    #[inline]
    fn deref(&self) -> &State<E> {
        &self.state
    }
}

impl<E> DerefMut for StateGuard<'_, E> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<E> {
        &mut self.state
    }
}
