//! What the handle of a bounded pool and its permits share.

use std::sync::{Mutex, PoisonError};

use soiree_core::{PoolOptions, WorkerContext};

use crate::ended::Ended;
use crate::state::State;
use crate::state_guard::StateGuard;

pub(crate) struct Shared<E> {
    pub(crate) options: PoolOptions,
    pub(crate) polls_futures: bool,
    /// Which threads run jobs of this pool.
    pub(crate) worker_context: WorkerContext,
    /// Locked for a few instructions at a time, and never while user code or the executor runs.
    pub(crate) state: Mutex<State<E>>,
    /// Here wait releases, and others that wait for the last job. Also notified when another job starts to wait here: see
    /// `State::releasing`.
    pub(crate) ended: Ended,
}

impl<E> Shared<E> {
    #[inline]
    pub(crate) fn lock(&self) -> StateGuard<'_, E> {
        StateGuard::new(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
