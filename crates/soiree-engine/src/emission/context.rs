//! What listeners that are called one after another require of their emission.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::Event;
use soiree_core::registry::Registration;

use super::in_flight::InFlight;
use super::limited_call::{go_on, take_turn};
use super::listener_job::delegate;
use super::retry_attempt::schedule_retry;
use super::timeout::arm;
use super::turns::Turn;
use crate::dispatch::{Counts, DispatchContext, FailedAttempt, Kept, Progress, TurnTaken};
use crate::invocation::{Call, TimeLimit};

/// An emission whose listeners are called by a worker.
pub(crate) struct InFlightContext<'a>(pub(crate) &'a Arc<dyn InFlight>);

impl InFlightContext<'_> {
    /// Calls a listener that has taken a place among its calls, or needs none: here or on its pool, now or later.
    pub(crate) fn go_on(
        &self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
        turn: Option<Arc<Turn>>,
    ) -> TurnTaken {
        go_on(self.0, registration, event, counts, turn)
    }
}

impl DispatchContext for InFlightContext<'_> {
    fn keep(&mut self, registration: &Registration, kept: Kept) {
        self.0.state().keep(registration, kept);
    }

    fn note_abort(&mut self, event: &dyn Event, by: Option<&Registration>) {
        self.0.state().note_abort(event, by);
    }

    fn delegate(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> bool {
        delegate(self.0, registration, event, counts, None).is_ok()
    }

    fn take_turn(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> TurnTaken {
        take_turn(self.0, registration, event, counts)
    }

    fn schedule_retry(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        failed: &FailedAttempt,
    ) -> bool {
        schedule_retry(self.0, registration, event, failed, None)
    }

    fn limit_time(
        &mut self,
        call: &Call<'_>,
        progress: Progress<'_>,
        limit: Duration,
    ) -> TimeLimit<'_> {
        arm(self.0, call, progress, limit, None)
    }

    fn is_aborted_elsewhere(&mut self, _: &dyn Event) -> bool {
        // All its listeners see the same event.
        false
    }
}
