//! What listeners that are called one after another require of their emission.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::registry::Registration;
use soiree_core::{Event, ListenerError};

use super::in_flight::InFlight;
use super::listener_job::delegate;
use super::retry_attempt::schedule_retry;
use super::timeout::arm;
use crate::dispatch::{Counts, DispatchContext, FailedAttempt, Progress};
use crate::invocation::{Call, TimeLimit};

/// An emission whose listeners are called by a worker.
pub(crate) struct InFlightContext<'a>(pub(crate) &'a Arc<dyn InFlight>);

impl DispatchContext for InFlightContext<'_> {
    fn keep(&mut self, error: ListenerError) {
        self.0.state().keep_error(error);
    }

    fn delegate(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> bool {
        delegate(self.0, registration, event, counts)
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
    ) -> TimeLimit {
        arm(
            self.0,
            call,
            progress,
            limit,
            None,
            self.0.state().pool_ref(),
        )
    }

    fn is_aborted_elsewhere(&mut self, _: &dyn Event) -> bool {
        // All its listeners see the same event.
        false
    }
}
