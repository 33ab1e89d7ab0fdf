//! Heads of keys that wait because their pool was full when they became heads.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use soiree_core::Timer;

use super::entry::ReadyEntry;
use crate::context::inside_frame;
use crate::emission::pool_ref::PoolRef;
use crate::ordering::Ready;

/// How often to check whether a full pool has room, if no emission ends there that would check.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// The blocked heads of one emitter: at most one for each key.
#[derive(Default)]
pub(crate) struct BlockedHeads {
    /// The length of the list.
    count: AtomicUsize,
    list: Mutex<VecDeque<ReadyEntry>>,
    is_scheduled: AtomicBool,
}

impl BlockedHeads {
    fn with<R>(&self, act: impl FnOnce(&mut VecDeque<ReadyEntry>) -> R) -> R {
        let mut list: MutexGuard<'_, _> = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut list);
        self.count.store(list.len(), Ordering::Release);
        result
    }

    /// Lets the head wait until its pool has room.
    pub(super) fn block(self: &Arc<Self>, head: ReadyEntry, timer: Option<&Arc<dyn Timer>>) {
        self.with(|list| list.push_back(head));
        self.schedule(timer);
    }

    /// Removes the head that has waited longest for this pool.
    fn take(&self, pool: usize) -> Option<ReadyEntry> {
        self.with(|list| {
            let at = list.iter().position(|head| address(head) == pool)?;
            list.remove(at)
        })
    }

    /// Submits all of them again; those of a pool until it is full.
    fn submit_all(self: &Arc<Self>, timer: &Arc<dyn Timer>) {
        let all = self.with(std::mem::take);
        let mut full = Vec::new();
        let mut kept = VecDeque::new();
        for head in all {
            let pool = address(&head);
            if full.contains(&pool) {
                kept.push_back(head);
            } else if let Some(head) = head.entry.submit(head.pool) {
                // Its pool is another one now if the bulkhead was removed.
                full.push(address(&head));
                kept.push_back(head);
            }
        }
        if kept.is_empty() {
            return;
        }
        self.with(|list| {
            kept.append(list);
            *list = kept;
        });
        self.schedule(Some(timer));
    }

    fn schedule(self: &Arc<Self>, timer: Option<&Arc<dyn Timer>>) {
        if self.is_scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let scheduled = timer.is_some_and(|timer| {
            let (heads, again) = (Arc::clone(self), Arc::clone(timer));
            let task = move || {
                heads.is_scheduled.store(false, Ordering::Release);
                heads.submit_all(&again);
            };
            timer
                .at(timer.after(CHECK_INTERVAL), Box::new(task))
                .is_ok()
        });
        if scheduled {
            return;
        }
        // Without a timer nothing would ever submit them again.
        self.is_scheduled.store(false, Ordering::Release);
        for head in self.with(std::mem::take) {
            head.entry.discard();
        }
    }

    /// At the end of a job: submits a head that waits for the pool of this worker. If the pool is still full, this worker runs it.
    pub(crate) fn unblock_one(&self, pool_ref: impl FnOnce() -> Arc<PoolRef>) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.unblock_one_of(&pool_ref());
        }
    }

    #[cold]
    fn unblock_one_of(&self, pool_ref: &PoolRef) {
        // Inside a listener is not the end of a job; and a head that runs here is one more job, not a job inside another.
        let is_inside = inside_frame(|_| true) || UNBLOCKING.try_with(Cell::get).unwrap_or(true);
        if is_inside || !pool_ref.is_here() {
            return;
        }
        let _ = UNBLOCKING.try_with(|giving| giving.set(true));
        while let Some(head) = self.take(pool_ref.address()) {
            let Some(head) = head.entry.submit(head.pool) else {
                continue;
            };
            // One head only: the jobs in the queue come next.
            if let Some(Ready { entry, pool }) = head.entry.run_inline(head.pool) {
                entry.block(pool);
            }
            break;
        }
        let _ = UNBLOCKING.try_with(|giving| giving.set(false));
    }
}

thread_local! {
    /// Whether this thread is inside `unblock_one`.
    static UNBLOCKING: Cell<bool> = const { Cell::new(false) };
}

fn address(head: &ReadyEntry) -> usize {
    let pool = head.pool.as_ref();
    pool.map_or(0, |pool| Arc::as_ptr(pool).cast::<()>().addr())
}
