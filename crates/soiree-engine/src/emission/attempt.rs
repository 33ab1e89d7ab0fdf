//! One attempt of one listener that runs apart from the others of its emission.

use std::sync::Arc;

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{Event, SubmitErrorReason, Task};

use super::helping::PendingWork;
use super::in_flight::{InFlight, with_event};
use super::pool_ref::PoolRef;
use crate::dispatch::{Counts, EndedCall};

/// Which listener an attempt calls, for which emission, and on which pool.
pub(super) struct Target {
    pub(super) emission: Arc<dyn InFlight>,
    pub(super) registration: Arc<Registration>,
    pub(super) pool_ref: Arc<PoolRef>,
}

impl Target {
    pub(super) fn is_async(&self) -> bool {
        self.registration.is_async()
    }

    /// Whether this thread may run the future of the listener inline.
    pub(super) fn is_future_here(&self) -> bool {
        self.is_async() && self.pool_ref.is_here()
    }
}

/// One attempt of a listener, as a job of a pool.
pub(super) trait Attempt: PendingWork + Task + Sized + 'static {
    fn target(&self) -> &Target;

    /// The number of the attempt, from 1.
    fn number(&self) -> u32;

    /// Claims it. Returns whether the caller is the one who runs it.
    fn claim_to_run(&self) -> bool;

    /// Calls a listener that is not async.
    fn call(self: &Arc<Self>, event: &dyn Event, counts: &mut Counts);

    /// It was claimed, and will not be called: its pool dropped it, or rejected it for this reason.
    fn lost(self: &Arc<Self>, reason: Option<SubmitErrorReason>);

    /// The attempt has ended, and nothing follows it.
    fn ended(self: &Arc<Self>, counts: Counts);

    /// The call has ended. Does what has to follow, and ends the attempt.
    fn end(self: &Arc<Self>, event: &dyn Event, ended: EndedCall);

    /// Calls the listener on this thread, unless another thread has claimed the attempt.
    fn run_unless_claimed(self: &Arc<Self>) {
        if !self.claim_to_run() {
            return;
        }
        let Target {
            emission, pool_ref, ..
        } = self.target();
        let mut counts = Counts::default();
        let _entered = emission.state().enter_on(pool_ref);
        contained(|| with_event(emission, |event| self.call(event, &mut counts)));
        self.ended(counts);
    }

    /// As a job of its pool.
    fn run_as_job(self: &Arc<Self>) {
        self.run_unless_claimed();
        let Target {
            emission, pool_ref, ..
        } = self.target();
        let blocked = &emission.state().settings.shared.blocked;
        blocked.unblock_one(|| Arc::clone(pool_ref));
    }
}
