//! A rayon pool as an executor.

use std::io;
use std::sync::Arc;

use rayon::ThreadPool;
use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;

pub(crate) enum RayonExecutor {
    Own(ThreadPool),
    Shared(Arc<ThreadPool>),
}

impl RayonExecutor {
    fn pool(&self) -> &ThreadPool {
        match self {
            Self::Own(pool) => pool,
            Self::Shared(pool) => pool,
        }
    }
}

impl Executor for RayonExecutor {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        // Not `spawn`: a rayon thread runs its newest spawn first, so older permits could wait without end.
        self.pool().spawn_fifo(move || permit.run());
        Ok(())
    }

    fn threads(&self) -> Option<usize> {
        match self {
            Self::Own(pool) => Some(pool.current_num_threads()),
            Self::Shared(_) => None,
        }
    }

    fn on_thread(&self) -> bool {
        self.pool().current_thread_index().is_some()
    }

    fn resize(&self, max_workers: usize) -> Result<(), ResizeError> {
        if max_workers > self.pool().current_num_threads() {
            return Err(ResizeError::Fixed { max: max_workers });
        }
        Ok(())
    }
}
