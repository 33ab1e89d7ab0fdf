//! What the handle of a bounded pool and its permits share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use soiree_core::{PoolOptions, WorkerContext};

use crate::state::State;

pub(crate) struct Shared<E> {
    pub(crate) options: PoolOptions,
    pub(crate) polls_futures: bool,
    /// Which threads run jobs of this pool.
    pub(crate) worker_context: WorkerContext,
    /// Locked for a few instructions at a time, and never while user code or the executor runs.
    pub(crate) state: Mutex<State<E>>,
    /// Here wait releases, and others that wait for the last job. Also notified when another job starts to wait here: see
    /// `State::releasing`.
    pub(crate) ended: Condvar,
}

impl<E> Shared<E> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
