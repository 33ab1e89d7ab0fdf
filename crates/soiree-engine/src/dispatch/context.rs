//! What calling listeners requires of their emission.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::registry::{Registration, Snapshot};
use soiree_core::{Event, PanicPayload};

use super::counts::Counts;
use super::report_outcome::{FailedAttempt, Kept};
use crate::context::EnteredTurn;
use crate::invocation::{Call, TimeLimit};

/// The emission that listeners are called for, one after another.
pub(crate) trait DispatchContext {
    /// Keeps an error or a reply of a listener for the report.
    fn keep(&mut self, registration: &Registration, kept: Kept);

    /// Notes for the report that the event was aborted. `by` is the listener that was called last before that was noticed.
    fn note_abort(&mut self, event: &dyn Event, by: Option<&Registration>);

    /// Submits the listener to its own pool. Returns `false` if the caller must call it here instead.
    fn delegate(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> bool;

    /// Lets a listener whose calls are limited have its turn: here, or later on its pool.
    fn take_turn(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        counts: &mut Counts,
    ) -> TurnTaken;

    /// Schedules another attempt. Returns `false` if it cannot be scheduled.
    fn schedule_retry(
        &mut self,
        registration: &Arc<Registration>,
        event: &dyn Event,
        failed: &FailedAttempt,
    ) -> bool;

    /// Limits the time of a call that is about to start.
    fn limit_time(
        &mut self,
        call: &Call<'_>,
        progress: Progress<'_>,
        limit: Duration,
    ) -> TimeLimit<'_>;

    /// Whether a listener on another pool has aborted a copy of the event. If so, aborts the event too.
    fn is_aborted_elsewhere(&mut self, event: &dyn Event) -> bool;
}

/// The turn of a call. Dropping the last handle lets the next call of the listener start.
pub(crate) trait HeldTurn {
    /// The calling thread is inside the call until this is dropped.
    fn enter(&self) -> EnteredTurn;
}

/// Where a listener is called whose calls are limited.
pub(crate) enum TurnTaken {
    /// Here and now, in this turn, unless the call is not limited.
    Here(Option<Arc<dyn HeldTurn>>),
    /// On its pool, perhaps when its turn comes; or it is not called, which was reported.
    Elsewhere,
    /// The function panicked that returns what the call counts with.
    Panicked(PanicPayload),
}

/// How far an emission has got when it calls a listener.
#[derive(Clone, Copy)]
pub(crate) struct Progress<'a> {
    /// The snapshot that the emission reads, if listeners may come after this one.
    pub(crate) snapshot: Option<&'a Arc<Snapshot>>,
    /// The counts of the listeners before it.
    pub(crate) before: Counts,
    pub(crate) is_last_run: bool,
}
