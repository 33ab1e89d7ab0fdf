//! What stands in the queue of a key, and submitting it when it has become the head.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use soiree_core::Pool;

use crate::emission::helping::Waiter;
use crate::ordering::{KeyOrderStats, KeyQueues, OrderRule, QueueEntry, Ready};

/// An entry in the queue of a key.
pub(crate) trait OrderedEntry: QueueEntry {
    /// Submits it to its pool, now that it is the head. Returns it if the pool is full.
    fn submit(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<ReadyEntry>;

    /// As [`submit`](OrderedEntry::submit), but runs it on this thread, which works for the pool.
    fn run_inline(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<ReadyEntry>;

    /// Lets it wait until its pool has a place.
    fn block(self: Arc<Self>, pool: Option<Arc<dyn Pool>>);

    /// Ends it unrun.
    fn discard(self: Arc<Self>);

    /// Runs on this thread what could be waiting for this thread. Returns whether there was something.
    fn help(self: Arc<Self>, waiter: &mut Waiter) -> bool;

    /// Whether the calling thread is inside it.
    fn is_current(&self) -> bool;
}

/// A head that is to be submitted to its pool.
pub(crate) type ReadyEntry = Ready<dyn OrderedEntry>;

/// A rule, and the queues of its keys. Emissions hold on to it, also when the rule is no longer in force.
pub(crate) struct ActiveOrder {
    pub(crate) rule: Arc<OrderRule>,
    pub(crate) queues: KeyQueues<dyn OrderedEntry>,
}

impl ActiveOrder {
    pub(crate) fn new(rule: &Arc<OrderRule>) -> Self {
        Self {
            rule: Arc::clone(rule),
            queues: KeyQueues::new(),
        }
    }

    pub(crate) fn stats(&self) -> KeyOrderStats {
        self.rule.stats(self.queues.keys(), self.queues.waiting())
    }
}

thread_local! {
    /// The heads that this thread has still to submit, while it submits one.
    static SUBMITTING: RefCell<Option<VecDeque<ReadyEntry>>> = const { RefCell::new(None) };
}

/// Submits an entry that has become the head of its queue.
///
/// A pool that drops an entry ends it, which makes the next one the head. Those wait in a list here and are submitted one after another;
/// submitted inside one another they would overflow the stack.
pub(crate) fn submit_head(next: Option<ReadyEntry>) {
    let Some(next) = next else {
        return;
    };
    let mut next = Some(next);
    let others = SUBMITTING.try_with(|submitting| {
        let mut submitting = submitting.borrow_mut();
        match &mut *submitting {
            Some(list) => list.extend(next.take()),
            None => *submitting = Some(VecDeque::new()),
        }
    });
    let Some(mut next) = next else {
        return;
    };
    loop {
        if let Some(Ready { entry, pool }) = next.entry.submit(next.pool) {
            entry.block(pool);
        }
        if others.is_err() {
            return;
        }
        let following = SUBMITTING.try_with(|submitting| {
            let mut submitting = submitting.borrow_mut();
            let following = submitting.as_mut().and_then(VecDeque::pop_front);
            if following.is_none() {
                *submitting = None;
            }
            following
        });
        match following {
            Ok(Some(following)) => next = following,
            _ => return,
        }
    }
}
