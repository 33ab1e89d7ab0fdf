//! The blocking threads of a runtime as an executor.

use std::io;

use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;
use tokio::runtime::Handle;

pub(crate) struct BlockingExecutor(pub(crate) Handle);

impl Executor for BlockingExecutor {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        // Detached: a runtime that shuts down drops the permit. Panics if no thread can be started, which counts as an error.
        drop(self.0.spawn_blocking(move || permit.run()));
        Ok(())
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}
