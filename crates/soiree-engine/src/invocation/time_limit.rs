//! How the time of a call is limited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree_core::panic::contained;
use soiree_core::{Timer, TimerId};

use super::outcome::{AfterTimeout, CallOutcome};

/// The time limit of a call that is about to start.
pub(crate) struct TimeLimit<'a> {
    limit: Duration,
    check: Check<'a>,
}

enum Check<'a> {
    /// The calling thread compares the time afterwards.
    Measured(Option<&'a Arc<dyn Timer>>, Instant),
    /// The timer thread acts when the time runs out.
    Armed(Arc<dyn ArmedTimeout>, &'a Arc<dyn Timer>, TimerId),
}

/// A timeout that the timer thread acts on.
pub(crate) trait ArmedTimeout: Send + Sync {
    /// The listener has returned. Whether it did so in time.
    fn returned_in_time(&self) -> bool;

    /// The listener has returned too late.
    fn returned_late(self: Arc<Self>) -> AfterTimeout;
}

impl<'a> TimeLimit<'a> {
    /// A limit that the calling thread checks when the listener has returned.
    pub(crate) fn measured(limit: Duration, timer: Option<&'a Arc<dyn Timer>>) -> Self {
        let check = Check::Measured(timer, now(timer));
        Self { limit, check }
    }

    /// A limit that the timer acts on by itself.
    pub(crate) fn armed(
        limit: Duration,
        timeout: Arc<dyn ArmedTimeout>,
        timer: &'a Arc<dyn Timer>,
        id: TimerId,
    ) -> Self {
        let check = Check::Armed(timeout, timer, id);
        Self { limit, check }
    }

    /// The outcome of a call that has returned with this one.
    pub(super) fn apply(self, outcome: CallOutcome) -> CallOutcome {
        let limit = self.limit;
        match self.check {
            Check::Measured(timer, started) => {
                if now(timer).saturating_duration_since(started) < limit {
                    return outcome;
                }
                CallOutcome::TimedOut(limit, Some(Box::new(outcome)))
            }
            Check::Armed(timeout, timer, id) => {
                if timeout.returned_in_time() {
                    // The timeout is dropped after that: what the timer drops is then not the last handle.
                    contained(|| _ = timer.cancel(id));
                    return outcome;
                }
                CallOutcome::Superseded(timeout.returned_late(), Box::new(outcome))
            }
        }
    }
}

fn now(timer: Option<&Arc<dyn Timer>>) -> Instant {
    timer.map_or_else(Instant::now, |timer| timer.now())
}
