//! Waiting for the commit of an event, on a thread or in a task.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use soiree_core::panic::Contained;
use soiree_core::store::Appended;
use soiree_core::sync::Monitor;
use soiree_engine::NotStored;

/// What became of the events that were to be appended together.
pub(crate) type Outcome = Result<Vec<Appended>, NotStored>;

/// The place where the writer puts the answer, and where the emitter waits for it.
#[derive(Default)]
pub(crate) struct Answer {
    state: Monitor<State>,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Contained<Waker>>,
}

impl Answer {
    /// Answers, and wakes who waits.
    pub(crate) fn give(self: &Arc<Self>, outcome: Outcome) {
        let mut state = self.state.lock();
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        self.state.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Blocks until there is an answer.
    pub(crate) fn wait(&self) -> Outcome {
        let mut state = self.state.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return outcome;
            }
            state = self.state.wait(state);
        }
    }

    /// The answer, or the task is woken once there is one.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Outcome> {
        let waker = Contained::new(context.waker().clone());
        let mut state = self.state.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}
