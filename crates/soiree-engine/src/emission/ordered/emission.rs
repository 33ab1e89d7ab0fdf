//! Emissions in the queue of their key.

use std::sync::Arc;

use soiree_core::panic::caught;
use soiree_core::{Job, Pool, SubmitError, SubmitErrorReason};

use super::entry::{OrderedEntry, ReadyEntry};
use crate::emission::finish::end_unrun;
use crate::emission::helping::Waiter;
use crate::emission::in_flight::{EmissionTask, InFlight};
use crate::emission::reclaim::{Reclaimed, reclaim_work};
use crate::emission::run::{discard, run};
use crate::ordering::{QueueEntry, Ready};

/// Whether a thread that waits for an emission may run it.
pub(crate) enum Runnable {
    Now,
    NotYet,
    /// The thread is inside the emission that it would wait for.
    Never,
}

/// Runs the emissions before this one in the queue of its key, if they need this thread.
pub(crate) fn help_before(emission: &Arc<dyn InFlight>, waiter: &mut Waiter) -> Runnable {
    let state = emission.state();
    let Some(slot) = state.slot() else {
        return Runnable::Now;
    };
    let entry = Arc::clone(emission).into_entry();
    let is_worker = state.settings.is_on_a_pool();
    while state.is_queued() && !slot.has_left() {
        let queues = &slot.order().queues;
        match queues.head_before(slot.key(), &entry, is_worker) {
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

/// Submits a head to its pool, or to another one if its bulkhead was removed. Returns it if the pool is full.
fn submit_to(
    emission: Arc<dyn InFlight>,
    pool: Option<Arc<dyn Pool>>,
    submit: impl Fn(&dyn Pool, Job) -> Result<(), SubmitError>,
) -> Option<ReadyEntry> {
    let mut pool = pool?;
    let state = emission.state();
    while state.is_queued() {
        let job = state.job(Arc::clone(&emission).into_task());
        // A pool that panics has dropped the job, which has ended the emission.
        let Ok(Err(rejected)) = caught(|| submit(&*pool, job)) else {
            return None;
        };
        let Reclaimed::Rejected(reason) = reclaim_work(rejected, || state.claim()) else {
            return None;
        };
        match reason {
            SubmitErrorReason::Full { .. }
            | SubmitErrorReason::TimedOut { .. }
            | SubmitErrorReason::RecursionLimit { .. } => {
                state.unclaim();
                let entry = Arc::clone(&emission).into_entry();
                let pool = Some(pool);
                return Some(Ready { entry, pool });
            }
            SubmitErrorReason::Closed => {
                let current = state.pool_ref();
                let is_removed = current.is_removed();
                let other = is_removed.then(|| state.settings.reroute(state.topic(), &current));
                if let Some((pool_ref, other)) = other.flatten() {
                    state.move_to(&pool_ref);
                    pool = other;
                    state.unclaim();
                    continue;
                }
            }
            _ => {}
        }
        end_unrun(&emission);
        return None;
    }
    None
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
    fn submit(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<ReadyEntry> {
        submit_to(self, pool, |pool, job| pool.try_submit(job))
    }

    fn run_inline(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<ReadyEntry> {
        submit_to(self, pool, |pool, job| pool.run_inline(job).map(drop))
    }

    fn block(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) {
        let settings = Arc::clone(&self.state().settings);
        let entry = self as Arc<dyn OrderedEntry>;
        let timer = settings.timer.as_ref();
        settings.shared.blocked.block(Ready { entry, pool }, timer);
    }

    fn discard(self: Arc<Self>) {
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
        run(&emission);
        return true;
    }
    state.help_pending(waiter).0
}
