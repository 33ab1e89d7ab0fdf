//! Emissions in the queue of their key.

use std::sync::Arc;

use soiree_core::{Job, SubmitErrorReason};

use super::entry::OrderedEntry;
use super::watch::KeyWatch;
use crate::emission::accepted::AcceptedWork;
use crate::emission::finish::end_unrun;
use crate::emission::helping::Waiter;
use crate::emission::in_flight::{EmissionTask, InFlight};
use crate::emission::pool_ref::PoolRef;
use crate::emission::requeue::{next_pool, requeue};
use crate::emission::run::{discard, run_queued};
use crate::ordering::QueueEntry;

/// Whether a thread that waits for an emission may run it.
pub(crate) enum Runnable {
    Now,
    NotYet,
    /// The thread is inside the emission that it would wait for.
    Never,
}

/// Runs the emissions before this one in the queue of its key, if they need this thread. A worker watches the queue from now on.
pub(crate) fn help_before(
    emission: &Arc<dyn InFlight>,
    waiter: &mut Waiter,
    watch: &mut KeyWatch,
) -> Runnable {
    let state = emission.state();
    let Some(slot) = state.slot() else {
        return Runnable::Now;
    };
    let entry = Arc::clone(emission).into_entry();
    let is_worker = state.settings.is_on_a_pool();
    while state.is_queued() && !slot.has_left() {
        let queues = slot.queues();
        let starts = is_worker && !watch.has_started();
        let head = queues.head_before(slot.key(), &entry, starts);
        if starts && head.is_some() {
            watch.started(emission);
        }
        match head {
            None => return Runnable::Now,
            Some(head) if head.is_current() => return Runnable::Never,
            Some(head) => {
                if !head.help(waiter) {
                    return Runnable::NotYet;
                }
            }
        }
    }
    Runnable::NotYet
}

/// A head that is to run on its pool.
struct Head(Arc<dyn InFlight>);

impl AcceptedWork for Head {
    fn pool_ref(&self) -> Arc<PoolRef> {
        self.0.state().pool_ref()
    }

    fn next_pool(&self, from: &Arc<PoolRef>) -> Option<Arc<PoolRef>> {
        next_pool(self.0.state(), None, from)
    }

    fn move_to(&self, pool_ref: &Arc<PoolRef>) {
        self.0.state().move_to(pool_ref);
    }

    fn job(self: Arc<Self>) -> Job {
        self.0.state().job(Arc::clone(&self.0).into_task())
    }

    fn claim(&self) -> bool {
        self.0.state().claim()
    }

    fn unclaim(&self) {
        self.0.state().unclaim();
    }

    fn reject(self: Arc<Self>, _: SubmitErrorReason) {
        end_unrun(&self.0);
    }
}

impl<S: Send + Sync + 'static> QueueEntry for EmissionTask<S>
where
    Self: InFlight,
{
    fn notify(&self) {
        self.state().notify();
    }
}

impl<S: Send + Sync + 'static> OrderedEntry for EmissionTask<S>
where
    Self: InFlight,
{
    fn submit(self: Arc<Self>) {
        if self.state.is_queued() {
            let head = Arc::new(Head(Arc::clone(&self) as _));
            requeue(&self.state, head);
        }
    }

    fn can_be_discarded(&self) -> bool {
        true
    }

    fn discard(self: Arc<Self>) {
        self.state.give_up_slot();
        discard(self);
    }

    fn help(self: Arc<Self>, waiter: &mut Waiter) -> bool {
        help(self, waiter)
    }

    fn is_current(&self) -> bool {
        self.state().is_current()
    }
}

fn help(emission: Arc<dyn InFlight>, waiter: &mut Waiter) -> bool {
    let state = emission.state();
    if state.is_queued() && state.pool_ref().is_here() {
        run_queued(&emission);
        return true;
    }
    state.help_pending(waiter).0
}
