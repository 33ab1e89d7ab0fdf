//! What a bounded pool's handle and its permits share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use soiree_core::{PoolOptions, WorkerContext};

use crate::state::State;

pub(crate) struct Shared<E> {
    pub(crate) options: PoolOptions,
    pub(crate) polls_futures: bool,
    pub(crate) nesting: WorkerContext,
    pub(crate) state: Mutex<State<E>>,
    /// A place became free, or there will be none any more.
    pub(crate) place: Condvar,
    /// Somebody left who may have been the last.
    pub(crate) left: Condvar,
}

impl<E> Shared<E> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
