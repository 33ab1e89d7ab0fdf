//! A runtime's blocking threads as an executor.

use std::io;

use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;
use tokio::runtime::Handle;

pub(crate) struct Blocking(pub(crate) Handle);

impl Executor for Blocking {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        // Detached: a runtime that ends drops the turn, and the turn tells the pool. Panics if no thread can be started,
        // which counts as an error.
        drop(self.0.spawn_blocking(move || permit.run()));
        Ok(())
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}
