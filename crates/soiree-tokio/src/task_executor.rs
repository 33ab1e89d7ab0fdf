//! The tasks of a runtime as an executor.

use std::io;

use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;
use tokio::runtime::Handle;

pub(crate) struct TaskExecutor(pub(crate) Handle);

impl Executor for TaskExecutor {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        let runtime = self.0.clone();
        // Detached, both the task and the blocking closure: a runtime that shuts down drops the permit or the started job.
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
