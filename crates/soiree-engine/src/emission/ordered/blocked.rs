//! Emissions whose turn came while their pool was full.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::core::Core;
use super::link::Link;
use super::setup::Hub;
use crate::context;
use crate::ordering::Waiting;
use soiree_core::{Timer, far_future};

/// How often to look whether a full pool has a place, when no emission ends there that would look.
const AGAIN: Duration = Duration::from_millis(5);

/// Those of one `EventPool`: at most one for each key.
#[derive(Default)]
pub(crate) struct Stalled {
    /// As many as are listed.
    count: AtomicUsize,
    list: Mutex<VecDeque<Waiting>>,
    has_timer: AtomicBool,
}

impl Stalled {
    fn with<R>(&self, act: impl FnOnce(&mut VecDeque<Waiting>) -> R) -> R {
        let mut list: MutexGuard<'_, _> = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut list);
        self.count.store(list.len(), Ordering::Release);
        done
    }

    /// The one that has waited longest for this pool.
    fn take(&self, pool: usize) -> Option<Waiting> {
        self.with(|list| {
            let at = list.iter().position(|waiting| address(waiting) == pool)?;
            list.remove(at)
        })
    }

    /// Offers all of them again, a pool's until it is full.
    fn offer_again(&self, hub: &Arc<Hub>, timer: &Arc<dyn Timer>) {
        let all = self.with(std::mem::take);
        let mut full = Vec::new();
        let mut kept = VecDeque::new();
        for waiting in all {
            let pool = address(&waiting);
            if full.contains(&pool) {
                kept.push_back(waiting);
            } else if let Some(waiting) = waiting.member.offer(waiting.pool) {
                // Not the pool that was asked, if that has been taken off.
                full.push(address(&waiting));
                kept.push_back(waiting);
            }
        }
        if kept.is_empty() {
            return;
        }
        self.with(|list| {
            kept.append(list);
            *list = kept;
        });
        self.look_later(hub, Some(timer));
    }

    fn look_later(&self, hub: &Arc<Hub>, timer: Option<&Arc<dyn Timer>>) {
        if self.has_timer.swap(true, Ordering::AcqRel) {
            return;
        }
        let set = timer.is_some_and(|timer| {
            let due = timer.now().checked_add(AGAIN).unwrap_or_else(far_future);
            let (hub, again) = (Arc::clone(hub), Arc::clone(timer));
            let task = move || {
                hub.stalled.has_timer.store(false, Ordering::Release);
                hub.stalled.offer_again(&hub, &again);
            };
            timer.at(due, Box::new(task)).is_ok()
        });
        if set {
            return;
        }
        // Nobody would ever look again.
        self.has_timer.store(false, Ordering::Release);
        for waiting in self.with(std::mem::take) {
            waiting.member.discard();
        }
    }
}

/// Has it wait until its pool has a place.
pub(super) fn stall(core: &Core, waiting: Waiting) {
    let hub = &core.setup.hub;
    hub.stalled.with(|list| list.push_back(waiting));
    hub.stalled.look_later(hub, core.setup.timer.as_ref());
}

/// At the end of a job: its worker is a place for one that waits for the same pool.
pub(super) fn give_place(hub: &Hub, link: impl FnOnce() -> Arc<Link>) {
    if hub.stalled.count.load(Ordering::Relaxed) > 0 {
        give_place_to_stalled(hub, &link());
    }
}

thread_local! {
    static GIVING: Cell<bool> = const { Cell::new(false) };
}

#[cold]
fn give_place_to_stalled(hub: &Hub, link: &Link) {
    // Inside a listener is not the end of a job; and what is run here is one job more, not one inside the other.
    let is_inside = context::inside_any(|_| true) || GIVING.try_with(Cell::get).unwrap_or(true);
    if is_inside || !link.is_here() {
        return;
    }
    let _ = GIVING.try_with(|giving| giving.set(true));
    while let Some(waiting) = hub.stalled.take(link.address()) {
        let Some(waiting) = waiting.member.offer(waiting.pool) else {
            continue;
        };
        // One, and then the jobs that are queued have their turn.
        if let Some(Waiting { member, pool }) = waiting.member.run_inline(waiting.pool) {
            member.stall(pool);
        }
        break;
    }
    let _ = GIVING.try_with(|giving| giving.set(false));
}

fn address(waiting: &Waiting) -> usize {
    let pool = waiting.pool.as_ref();
    pool.map_or(0, |pool| Arc::as_ptr(pool).cast::<()>().addr())
}
