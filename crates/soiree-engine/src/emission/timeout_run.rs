//! Calling the listeners after one that has timed out.

use std::pin::Pin;
use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::{JobId, Task};

use super::accepted::AcceptedWork;
use super::context::InFlightContext;
use super::finish::end_sequence;
use super::helping::{InlineCall, PendingWork};
use super::in_flight::{list_part, with_event};
use super::timeout::CallTimeout;
use crate::dispatch::{Counts, Selection, dispatch};

impl PendingWork for CallTimeout {
    fn is_runnable_here(&self) -> bool {
        self.is_waiting() && self.pool_ref().is_here()
    }

    fn is_future_here(&self) -> bool {
        false
    }

    fn needs_this_thread(&self) -> bool {
        false
    }

    fn run_here(self: Arc<Self>) {
        let pool = self.pool_ref().upgrade();
        if !pool.is_some_and(|pool| pool.run_queued(JobId::of(&self))) {
            self.call_remaining();
        }
    }

    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>> {
        None
    }
}

impl CallTimeout {
    fn call_remaining(self: &Arc<Self>) {
        let Some(remaining) = &self.remaining else {
            return;
        };
        if !self.claim() {
            return;
        }
        let state = self.emission.state();
        state.remove_pending(self);
        let settings = &state.settings;
        let mut counts = Counts::default();
        let _entered = state.enter_on(self.pool_ref().address());
        let listed = list_part(&self.emission);
        let _turns = state.enter_turns();
        contained(|| {
            with_event(&self.emission, |event| {
                dispatch(
                    &settings.shared.registry,
                    Selection::Remaining(remaining),
                    state.topic(),
                    event,
                    &settings.handlers,
                    &mut InFlightContext(&self.emission),
                    &mut counts,
                );
            });
        });
        drop(listed);
        if !counts.superseded {
            state.release_turns();
        }
        end_sequence(&self.emission, counts);
    }
}

impl Task for CallTimeout {
    fn run(self: Arc<Self>) {
        self.call_remaining();
        let settings = &self.emission.state().settings;
        let backlog = &settings.shared.backlog;
        backlog.run_one(settings.timer.as_ref(), || self.pool_ref());
    }

    /// The pool stopped, or dropped it.
    fn discarded(self: Arc<Self>) {
        self.give_up();
    }
}
