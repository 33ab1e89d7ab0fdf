//! One attempt of one listener that runs apart from the others of its emission.

use std::sync::Arc;

use soiree_core::registry::Registration;
use soiree_core::{Event, SubmitErrorReason, Task};

use super::helping::PendingWork;
use super::in_flight::InFlight;
use super::pool_ref::PoolRef;
use crate::dispatch::{Counts, EndedCall};

/// One attempt of a listener, as a job of a pool.
pub(super) trait Attempt: PendingWork + Task + Sized + 'static {
    fn emission(&self) -> &Arc<dyn InFlight>;
    fn registration(&self) -> &Arc<Registration>;
    fn pool_ref(&self) -> &Arc<PoolRef>;

    /// The number of the attempt, from 1.
    fn number(&self) -> u32;

    /// Claims it. Returns whether the caller is the one who runs it.
    fn claim_to_run(&self) -> bool;

    /// It was claimed, and will not be called: its pool dropped it, or rejected it for this reason.
    fn lost(self: &Arc<Self>, reason: Option<SubmitErrorReason>);

    /// The attempt has ended, and nothing follows it.
    fn ended(self: &Arc<Self>, counts: Counts);

    /// The call has ended. Does what has to follow, and ends the attempt.
    fn end(self: &Arc<Self>, event: &dyn Event, ended: EndedCall);

    fn is_async(&self) -> bool {
        self.registration().is_async()
    }
}
