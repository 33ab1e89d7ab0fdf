//! One attempt of one listener that runs apart from the others of its emission.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::{Event, JobId, Pool, SubmitErrorReason, Task};

use super::helping::PendingWork;
use super::in_flight::{InFlight, list_part, with_event};
use super::pool_ref::PoolRef;
use super::state::EmissionState;
use crate::dispatch::{Counts, EndedCall};

/// Which listener an attempt calls, for which emission, and on which pool.
pub(super) struct Target {
    pub(super) emission: Arc<dyn InFlight>,
    pub(super) registration: Arc<Registration>,
    pool_ref: Mutex<Arc<PoolRef>>,
}

impl Target {
    pub(super) fn new(
        emission: &Arc<dyn InFlight>,
        registration: &Arc<Registration>,
        pool_ref: Arc<PoolRef>,
    ) -> Self {
        Self {
            emission: Arc::clone(emission),
            registration: Arc::clone(registration),
            pool_ref: Mutex::new(pool_ref),
        }
    }

    pub(super) fn state(&self) -> &EmissionState {
        self.emission.state()
    }

    pub(super) fn pool_ref(&self) -> Arc<PoolRef> {
        Arc::clone(&self.lock())
    }

    /// The attempt goes to another pool.
    pub(super) fn move_to(&self, pool_ref: &Arc<PoolRef>) {
        let former = std::mem::replace(&mut *self.lock(), Arc::clone(pool_ref));
        // Not under the lock: it may hold the last handle of a pool's worker check, which is user code.
        drop(former);
    }

    fn lock(&self) -> MutexGuard<'_, Arc<PoolRef>> {
        self.pool_ref.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_async(&self) -> bool {
        self.registration.is_async()
    }

    /// Whether this thread works for the pool of the attempt.
    pub(super) fn is_here(&self) -> bool {
        self.pool_ref().is_here()
    }

    /// Whether the future of the listener can never be polled while this thread blocks.
    pub(super) fn needs_this_thread(&self) -> bool {
        let pool = self.is_async().then(|| self.pool_ref().upgrade());
        pool.flatten()
            .is_some_and(|pool| pool.wait_would_deadlock())
    }

    /// Whether this thread may run the future of the listener inline: only if the pool has no place for it, since the listener would
    /// stop whenever the future that it runs inside is not polled.
    pub(super) fn is_future_here(&self) -> bool {
        if !self.is_async() {
            return false;
        }
        let pool_ref = self.pool_ref();
        pool_ref.is_here()
            && pool_ref
                .upgrade()
                .is_none_or(|pool| has_waiting_jobs(&*pool))
    }
}

/// Whether jobs wait for a worker: then no worker is free.
fn has_waiting_jobs(pool: &dyn Pool) -> bool {
    let stats = pool.stats();
    stats.waiting + stats.requeued > 0
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
        let emission = &self.target().emission;
        let mut counts = Counts::default();
        let _entered = emission.state().enter_on(&self.target().pool_ref());
        let listed = list_part(emission);
        contained(|| with_event(emission, |event| self.call(event, &mut counts)));
        drop(listed);
        self.ended(counts);
    }

    /// As a job of its pool.
    fn run_as_job(self: &Arc<Self>) {
        self.run_unless_claimed();
        let backlog = &self.target().state().settings.shared.backlog;
        backlog.run_one(|| self.target().pool_ref());
    }

    /// On a worker of its pool that waits for it: takes its job out of the queue and runs it.
    fn run_queued(self: &Arc<Self>) {
        let pool = self.target().pool_ref().upgrade();
        if !pool.is_some_and(|pool| pool.run_queued(JobId::of(self))) {
            self.run_unless_claimed();
        }
    }
}
