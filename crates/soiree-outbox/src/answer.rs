//! Waiting for the commit of an event, on a thread or in a task.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use soiree_core::panic::Contained;
use soiree_core::store::Appended;
use soiree_engine::NotStored;

/// What became of the events that were to be appended together.
pub(crate) type Outcome = Result<Vec<Appended>, NotStored>;

/// The place where the writer puts the answer, and where the emitter waits for it.
#[derive(Default)]
pub(crate) struct Answer {
    state: Mutex<State>,
    given: Condvar,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Contained<Waker>>,
}

impl Answer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers, and wakes who waits.
    pub(crate) fn give(self: &Arc<Self>, outcome: Outcome) {
        let mut state = self.lock();
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        self.given.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Blocks until there is an answer.
    pub(crate) fn wait(&self) -> Outcome {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return outcome;
            }
            state = self
                .given
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The answer, or the task is woken once there is one.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Outcome> {
        let waker = Contained::new(context.waker().clone());
        let mut state = self.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}
