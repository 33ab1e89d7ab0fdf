//! Running a retry, on its pool or on a thread that waits for the emission.

use std::pin::Pin;
use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{Event, SubmitErrorReason, Task};

use super::async_call::adopt;
use super::attempt::Attempt;
use super::call_timeout::arm;
use super::finish::end_part;
use super::helping::{AdoptedCall, PendingWork};
use super::in_flight::{InFlight, with_event};
use super::pool_ref::PoolRef;
use super::retry_attempt::{RetryAttempt, end_attempt, report_and_follow};
use crate::dispatch::{Counts, EndedCall, Progress};
use crate::invocation::{Call, CallOutcome, RetriedEvent, invoke};

impl RetryAttempt {
    /// Calls the listener again. Its filter and its runs are not checked again.
    fn call(self: &Arc<Self>, event: &dyn Event, counts: &mut Counts) {
        let state = self.emission.state();
        let handlers = &state.settings.handlers;
        let (registration, attempt) = (&self.registration, self.attempt);
        let retried = RetriedEvent { event, attempt };
        let call = Call::new(registration, state.topic(), event, attempt, handlers);
        let outcome = CallOutcome::caught(|| {
            let progress = Progress {
                snapshot: None,
                before: *counts,
                is_last_run: false,
            };
            let part = Arc::clone(self) as Arc<dyn PendingWork>;
            let limit = registration.timeout().map(|limit| {
                let (emission, pool_ref) = (&self.emission, &self.pool_ref);
                arm(emission, &call, progress, limit, Some(&part), pool_ref)
            });
            invoke(&call, &retried, limit)
        });
        report_and_follow(&self.emission, &call, outcome, None, counts);
    }
}

impl PendingWork for RetryAttempt {
    fn is_runnable_here(&self) -> bool {
        let is_waiting = self.is_due() && !self.has_started();
        is_waiting && !self.is_async() && self.pool_ref.is_here()
    }

    fn is_future_here(&self) -> bool {
        self.is_async() && self.pool_ref.is_here()
    }

    fn run_here(self: Arc<Self>) {
        if !self.claim_to_run() {
            return;
        }
        let mut counts = Counts::default();
        let _entered = self.emission.state().enter_on(&self.pool_ref);
        contained(|| with_event(&self.emission, |event| self.call(event, &mut counts)));
        self.ended(counts);
    }

    fn run_inside(self: Arc<Self>) -> Option<Pin<Box<dyn AdoptedCall>>> {
        if self.is_future_here() && self.is_due() {
            adopt(self)
        } else {
            None
        }
    }
}

impl Attempt for RetryAttempt {
    fn emission(&self) -> &Arc<dyn InFlight> {
        &self.emission
    }

    fn registration(&self) -> &Arc<Registration> {
        &self.registration
    }

    fn pool_ref(&self) -> &Arc<PoolRef> {
        &self.pool_ref
    }

    fn number(&self) -> u32 {
        self.attempt
    }

    fn claim_to_run(&self) -> bool {
        let is_claimed = self.claim();
        if is_claimed {
            self.release_reservation();
        }
        is_claimed
    }

    fn lost(self: &Arc<Self>, _: Option<SubmitErrorReason>) {
        self.fail();
    }

    fn ended(self: &Arc<Self>, counts: Counts) {
        self.emission.state().remove_pending(self);
        end_part(&self.emission, counts);
    }

    fn end(self: &Arc<Self>, event: &dyn Event, ended: EndedCall) {
        end_attempt(self, event, ended);
    }
}

impl Task for RetryAttempt {
    fn run(self: Arc<Self>) {
        let retry = Arc::clone(&self);
        self.run_here();
        let blocked = &retry.emission.state().settings.shared.blocked;
        blocked.give_place(|| Arc::clone(&retry.pool_ref));
    }

    /// Its pool stopped, or dropped it.
    fn discarded(self: Arc<Self>) {
        self.give_up();
    }
}
