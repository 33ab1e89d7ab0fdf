//! The turn of one call.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::sync::AtomicBool;
use soiree_core::{Event, LimitedBy};

use super::queues::{Admission, TurnQueues};
use super::work::TurnWork;
use crate::context::{EnteredTurn, TurnKey, enter_turn, inside_turn, leave_turn};
use crate::dispatch::HeldTurn;
use crate::emission::helping::PendingWork;
use crate::emission::ordered::submit_turn;

/// The place of a call among the calls of its listener. It has its turn, or waits for it. Dropping the last handle gives the place up, and
/// lets the next call start.
pub(crate) struct Turn {
    queues: Arc<TurnQueues>,
    key: TurnKey,
    limit: usize,
    id: u64,
    /// Its turn is known to have come.
    has_come: AtomicBool,
    /// Keeps the address in `key` from being used again.
    _registration: Arc<Registration>,
}

impl Turn {
    /// Takes a place for a call with this event; `None` if the call is not limited. Calls the listener's key function, which may panic.
    pub(crate) fn take(
        queues: &Arc<TurnQueues>,
        registration: &Arc<Registration>,
        event: &dyn Event,
    ) -> Option<Arc<Self>> {
        let by = Self::limited_by(registration, event)?;
        Self::take_by(queues, registration, by, None)
    }

    /// What the call for this event counts with; `None` if it is not limited.
    pub(crate) fn limited_by(registration: &Registration, event: &dyn Event) -> Option<LimitedBy> {
        registration.max_concurrent()?.limited_by(event)
    }

    /// Takes a place for a call that counts with these, for an emission if it has still to reach the listener.
    pub(crate) fn take_by(
        queues: &Arc<TurnQueues>,
        registration: &Arc<Registration>,
        by: LimitedBy,
        emission: Option<Arc<dyn TurnWork>>,
    ) -> Option<Arc<Self>> {
        let limit = registration.max_concurrent()?.calls();
        let registered = Arc::as_ptr(registration).addr();
        let key = TurnKey {
            registration: registered,
            by,
        };
        let (id, has_turn) = queues.enter(&key, limit, emission);
        Some(Arc::new(Self {
            queues: Arc::clone(queues),
            key,
            limit,
            id,
            has_come: AtomicBool::new(has_turn),
            _registration: Arc::clone(registration),
        }))
    }

    /// How many calls may run at once.
    pub(in crate::emission) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether it is the call's turn.
    pub(crate) fn has_come(&self) -> bool {
        if self.has_come.load(Ordering::Acquire) {
            return true;
        }
        let has_come = self.queues.has_turn(&self.key, self.id);
        if has_come {
            self.has_come.store(true, Ordering::Release);
        }
        has_come
    }

    /// The call is ready to run.
    pub(in crate::emission) fn ready(&self, work: Arc<dyn TurnWork>) -> Admission {
        let (admission, watched) = self.queues.ready(&self.key, self.id, work);
        for work in watched {
            contained(|| work.notify());
        }
        admission
    }

    /// The emission has reached the listener: the thread is inside its place only while it calls the listener.
    pub(crate) fn reached(&self) {
        leave_turn(self.id);
    }

    /// Whether the calling thread is inside a call that this one would wait for.
    pub(crate) fn is_inside(&self) -> bool {
        inside_turn(&self.key)
    }

    /// The calls that this one waits for, as far as a thread could help with them. It is notified of changes from now on.
    pub(in crate::emission) fn calls_before(&self) -> Vec<Arc<dyn PendingWork>> {
        let before = self.queues.watch(&self.key, self.id).into_iter();
        before.map(TurnWork::into_pending).collect()
    }
}

impl HeldTurn for Turn {
    fn enter(&self) -> EnteredTurn {
        enter_turn(self.key.clone(), self.id)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let left = self.queues.leave(&self.key, self.id, self.limit);
        for work in &left.watched {
            contained(|| work.notify());
        }
        for work in &left.next {
            submit_turn(Arc::clone(work));
        }
    }
}
