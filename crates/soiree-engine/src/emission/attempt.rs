//! One attempt of one listener that runs apart from the others of its emission.

use std::sync::{Arc, PoisonError};

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::sync::{Mutex, MutexGuard};
use soiree_core::{Event, JobId, Pool, SubmitErrorReason, Task};

use super::frames::EnteredEmission;
use super::helping::{Before, PendingWork};
use super::in_flight::{InFlight, list_part, with_event};
use super::pool_ref::PoolRef;
use super::state::EmissionState;
use super::turns::Turn;
use crate::context::EnteredTurn;
use crate::dispatch::{Counts, EndedCall, HeldTurn};

/// Which listener an attempt calls, for which emission, and on which pool.
pub(super) struct Target {
    pub(super) emission: Arc<dyn InFlight>,
    pub(super) registration: Arc<Registration>,
    pool_ref: Mutex<Arc<PoolRef>>,
    turn: Mutex<CallTurn>,
}

/// The turn of an attempt of a listener whose calls are limited.
enum CallTurn {
    /// It needs none, or has not taken its place yet.
    None,
    Taken(Arc<Turn>),
    /// The attempt has ended, and takes none any more.
    Ended,
}

impl Target {
    pub(super) fn new(
        emission: &Arc<dyn InFlight>,
        registration: &Arc<Registration>,
        pool_ref: Arc<PoolRef>,
        turn: Option<Arc<Turn>>,
    ) -> Self {
        Self {
            emission: Arc::clone(emission),
            registration: Arc::clone(registration),
            pool_ref: Mutex::new(pool_ref),
            turn: Mutex::new(turn.map_or(CallTurn::None, CallTurn::Taken)),
        }
    }

    pub(super) fn state(&self) -> &EmissionState {
        self.emission.state()
    }

    pub(super) fn pool_ref(&self) -> Arc<PoolRef> {
        Arc::clone(&self.lock())
    }

    /// The calling thread enters the emission, on behalf of the pool of the attempt.
    pub(super) fn enter(&self) -> EnteredEmission {
        let pool = self.lock().address();
        self.state().enter_on(pool)
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

    fn lock_turn(&self) -> MutexGuard<'_, CallTurn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its turn. None without a look if the calls of the listener are not limited, as with most listeners.
    pub(super) fn turn(&self) -> Option<Arc<Turn>> {
        self.registration.max_concurrent()?;
        match &*self.lock_turn() {
            CallTurn::Taken(turn) => Some(Arc::clone(turn)),
            CallTurn::None | CallTurn::Ended => None,
        }
    }

    /// It has taken a place among the calls of its listener. Returns `false` if it has ended meanwhile, which gives the place up.
    pub(super) fn set_turn(&self, turn: Arc<Turn>) -> bool {
        let mut current = self.lock_turn();
        let has_ended = matches!(*current, CallTurn::Ended);
        if !has_ended {
            *current = CallTurn::Taken(Arc::clone(&turn));
        }
        // Before the turn: if it is the last handle, the next call starts.
        drop(current);
        !has_ended
    }

    /// Returns the turn, which the attempt no longer has, and gets no other one.
    pub(super) fn end_turn(&self) -> Option<Arc<Turn>> {
        self.registration.max_concurrent()?;
        match std::mem::replace(&mut *self.lock_turn(), CallTurn::Ended) {
            CallTurn::Taken(turn) => Some(turn),
            CallTurn::None | CallTurn::Ended => None,
        }
    }

    /// The calling thread is inside the call until this is dropped, if the calls of the listener are limited.
    pub(super) fn enter_turn(&self) -> Option<EnteredTurn> {
        self.turn().map(|turn| turn.enter())
    }

    /// Whether it waits for its turn.
    fn waits_for_turn(&self) -> bool {
        self.turn().is_some_and(|turn| !turn.has_come())
    }

    /// What it waits for while it waits for its turn.
    pub(super) fn before(&self) -> Before {
        match self.turn() {
            Some(turn) if !turn.has_come() && turn.is_inside() => Before::ThisThread,
            Some(turn) if !turn.has_come() && self.state().settings.is_on_a_pool() => {
                Before::Calls(turn.calls_before())
            }
            _ => Before::Nothing,
        }
    }

    /// Whether this thread works for the pool of the attempt, which has its turn.
    pub(super) fn is_here(&self) -> bool {
        self.pool_ref().is_here() && !self.waits_for_turn()
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
        if !self.is_async() || self.waits_for_turn() {
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
        let _entered = self.target().enter();
        let listed = list_part(emission);
        contained(|| with_event(emission, |event| self.call(event, &mut counts)));
        drop(listed);
        self.ended(counts);
    }

    /// As a job of its pool.
    fn run_as_job(self: &Arc<Self>) {
        self.run_unless_claimed();
        let settings = &self.target().state().settings;
        let backlog = &settings.shared.backlog;
        backlog.run_one(settings.timer.as_ref(), || self.target().pool_ref());
    }

    /// On a worker of its pool that waits for it: takes its job out of the queue and runs it.
    fn run_queued(self: &Arc<Self>) {
        let pool = self.target().pool_ref().upgrade();
        if !pool.is_some_and(|pool| pool.run_queued(JobId::of(self))) {
            self.run_unless_claimed();
        }
    }
}
