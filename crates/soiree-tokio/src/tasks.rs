//! A runtime's tasks as an executor.

use std::io;

use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;
use tokio::runtime::Handle;

pub(crate) struct Tasks(pub(crate) Handle);

impl Executor for Tasks {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        let runtime = self.0.clone();
        // Detached, as are the blocking ones: a runtime that ends drops turns and jobs, and they tell the pool.
        drop(self.0.spawn(async move {
            match permit.start() {
                Some(job) if job.is_future() => job.await,
                Some(job) => drop(runtime.spawn_blocking(move || job.run())),
                None => {}
            }
        }));
        Ok(())
    }

    fn polls_futures(&self) -> bool {
        true
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}
