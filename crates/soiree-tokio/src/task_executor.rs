//! The tasks of a runtime as an executor.

use std::io;
use std::task::{Context, Poll, Waker};

use soiree_bounded::{Executor, Permit};
use soiree_core::ResizeError;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::coop;

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

    fn wait_would_deadlock(&self) -> bool {
        let is_in_runtime = Handle::try_current().is_ok_and(|here| here.id() == self.0.id());
        is_in_runtime && is_only_thread(&self.0) && is_polled()
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}

/// Whether the runtime polls all its tasks on one thread, which is the calling one if it polls a task of it.
fn is_only_thread(runtime: &Handle) -> bool {
    match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => true,
        // Here the thread that called `block_on` polls no task. Its own future has no ID.
        _ => runtime.metrics().num_workers() == 1 && tokio::task::try_id().is_some(),
    }
}

/// Whether the calling thread polls a task, or the future of a `block_on`. It does not in `spawn_blocking` or `block_in_place`,
/// where it may block.
///
/// Tokio has no method that says so, but it limits how often what it polls may go on without a pause, and nothing else. So this
/// uses up what is left of that budget, to see whether there is a limit, and restores it.
fn is_polled() -> bool {
    const MORE_THAN_ANY_BUDGET: usize = 256;
    let mut context = Context::from_waker(Waker::noop());
    // When it is dropped, this restores the budget as it was before.
    let Poll::Ready(_restore) = coop::poll_proceed(&mut context) else {
        return true;
    };
    for _ in 0..MORE_THAN_ANY_BUDGET {
        if !coop::has_budget_remaining() {
            return true;
        }
        match coop::poll_proceed(&mut context) {
            Poll::Ready(one) => one.made_progress(),
            Poll::Pending => return true,
        }
    }
    false
}
