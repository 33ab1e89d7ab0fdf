//! Calling the listeners after one that has timed out.

use std::pin::Pin;
use std::sync::Arc;

use soiree_core::Task;
use soiree_core::panic::contained;

use super::context::InFlightContext;
use super::finish::end_called_part;
use super::helping::{InlineCall, PendingWork};
use super::in_flight::with_event;
use super::timeout::CallTimeout;
use crate::dispatch::{Counts, Selection, dispatch};

impl PendingWork for CallTimeout {
    fn is_runnable_here(&self) -> bool {
        self.is_waiting() && self.pool_ref.is_here()
    }

    fn is_future_here(&self) -> bool {
        false
    }

    fn run_here(self: Arc<Self>) {
        let Some(remaining) = &self.remaining else {
            return;
        };
        if !self.claim() {
            return;
        }
        let state = self.emission.state();
        state.remove_pending(&self);
        let settings = &state.settings;
        let mut counts = Counts::default();
        let _entered = state.enter_on(&self.pool_ref);
        contained(|| {
            with_event(&self.emission, |event| {
                counts = dispatch(
                    &settings.shared.registry,
                    Selection::Remaining(remaining),
                    state.topic(),
                    event,
                    &settings.handlers,
                    &mut InFlightContext(&self.emission),
                );
            });
        });
        end_called_part(&self.emission, counts);
    }

    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>> {
        None
    }
}

impl Task for CallTimeout {
    fn run(self: Arc<Self>) {
        let timeout = Arc::clone(&self);
        self.run_here();
        let blocked = &timeout.emission.state().settings.shared.blocked;
        blocked.unblock_one(|| Arc::clone(&timeout.pool_ref));
    }

    /// The pool stopped, or dropped it.
    fn discarded(self: Arc<Self>) {
        self.give_up();
    }
}
