//! Running a retry, on its pool or on a thread that waits for the emission.

use std::pin::Pin;
use std::sync::Arc;

use soiree_core::{Event, SubmitErrorReason, Task};

use super::async_call::inline_call;
use super::attempt::{Attempt, Target};
use super::finish::end_part;
use super::helping::{Before, InlineCall, PendingWork};
use super::retries::WaitingRetry;
use super::retry_attempt::{RetryAttempt, end_attempt, report_and_follow};
use super::timeout::arm;
use super::turns::TurnWork;
use crate::dispatch::{Counts, EndedCall, Progress};
use crate::invocation::{Call, CallOutcome, RetriedEvent, invoke};

impl PendingWork for RetryAttempt {
    fn is_runnable_here(&self) -> bool {
        let is_waiting = self.is_due() && !self.has_started();
        is_waiting && !self.target.is_async() && self.target.is_here()
    }

    fn is_future_here(&self) -> bool {
        self.target.is_future_here()
    }

    fn needs_this_thread(&self) -> bool {
        self.target.needs_this_thread()
    }

    fn before(&self) -> Before {
        self.target.before()
    }

    fn run_here(self: Arc<Self>) {
        self.run_queued();
    }

    fn into_inline_call(self: Arc<Self>) -> Option<Pin<Box<dyn InlineCall>>> {
        if self.is_future_here() && self.is_due() {
            inline_call(self)
        } else {
            None
        }
    }
}

impl TurnWork for RetryAttempt {
    fn submit(self: Arc<Self>) {
        if !self.has_started() {
            self.requeue();
            // One of those that wait for it may have to run it.
            self.target.state().notify_pending();
        }
    }

    fn end_unrun(self: Arc<Self>) {
        self.give_up();
    }

    fn notify(&self) {
        self.target.state().notify_pending();
    }

    fn into_pending(self: Arc<Self>) -> Arc<dyn PendingWork> {
        self
    }
}

impl Attempt for RetryAttempt {
    fn target(&self) -> &Target {
        &self.target
    }

    fn number(&self) -> u32 {
        self.attempt
    }

    fn claim_to_run(&self) -> bool {
        let is_claimed = self.claim();
        if is_claimed {
            self.no_longer_waits();
        }
        is_claimed
    }

    /// Calls the listener again. Its filter and its runs are not checked again.
    fn call(self: &Arc<Self>, event: &dyn Event, counts: &mut Counts) {
        counts.retried += 1;
        let state = self.target.state();
        let handlers = &state.settings.handlers;
        let (registration, attempt) = (&self.target.registration, self.attempt);
        let retried = RetriedEvent { event, attempt };
        let call = Call::new(registration, state.topic(), event, attempt, handlers);
        let _turn = self.target.enter_turn();
        let outcome = CallOutcome::caught(|| {
            let progress = Progress {
                snapshot: None,
                before: *counts,
                is_last_run: false,
            };
            let part = Arc::clone(self) as Arc<dyn PendingWork>;
            let limit = registration
                .timeout()
                .map(|limit| arm(&self.target.emission, &call, progress, limit, Some(&part)));
            invoke(&call, &retried, limit)
        });
        report_and_follow(&self.target.emission, &call, outcome, None, counts);
    }

    fn lost(self: &Arc<Self>, _: Option<SubmitErrorReason>) {
        self.fail();
    }

    fn ended(self: &Arc<Self>, counts: Counts) {
        drop(self.target.end_turn());
        self.target.state().remove_pending(self);
        end_part(&self.target.emission, counts);
    }

    fn end(self: &Arc<Self>, event: &dyn Event, mut ended: EndedCall) {
        ended.counts.retried += 1;
        end_attempt(self, event, ended);
    }
}

impl Task for RetryAttempt {
    fn run(self: Arc<Self>) {
        self.run_as_job();
    }

    /// Its pool stopped, or dropped it.
    fn discarded(self: Arc<Self>) {
        self.give_up();
    }
}
