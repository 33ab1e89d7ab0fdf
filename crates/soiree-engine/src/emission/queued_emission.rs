//! What stands in the queues of ordered listeners for an emission that has still to reach them.

use std::pin::Pin;
use std::sync::Arc;

use super::helping::{InlineCall, PendingWork};
use super::in_flight::InFlight;
use super::run::run_queued;
use super::turns::TurnWork;

/// An emission that has still to reach the listener.
struct QueuedEmission(Arc<dyn InFlight>);

/// What stands in the places of an emission until it reaches the listeners.
pub(crate) fn queued_emission(emission: &Arc<dyn InFlight>) -> Arc<dyn TurnWork> {
    Arc::new(QueuedEmission(Arc::clone(emission)))
}

impl TurnWork for QueuedEmission {
    /// It is not ready: its own job runs it.
    fn submit(self: Arc<Self>) {}

    fn end_unrun(self: Arc<Self>) {}

    fn notify(&self) {}

    fn into_pending(self: Arc<Self>) -> Arc<dyn PendingWork> {
        self
    }
}

impl PendingWork for QueuedEmission {
    fn is_runnable_here(&self) -> bool {
        let state = self.0.state();
        // It stands in no queue of a key: such emissions take their places when they reach the listeners.
        state.is_queued() && state.pool_ref().is_here()
    }

    fn is_future_here(&self) -> bool {
        false
    }

    fn needs_this_thread(&self) -> bool {
        false
    }

    fn run_here(self: Arc<Self>) {
        run_queued(&self.0);
    }

    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>> {
        None
    }
}
