//! What stands in the queue of a key, and submitting it when it has become the head.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::emission::helping::Waiter;
use crate::ordering::{KeyOrderStats, KeyQueues, OrderRule, QueueEntry};

/// An entry in the queue of a key.
pub(crate) trait OrderedEntry: QueueEntry {
    /// Submits it to its pool, now that it is the head.
    fn submit(self: Arc<Self>);

    /// Whether it can be ended unrun while it waits.
    fn can_be_discarded(&self) -> bool;

    /// Ends it unrun, once it was removed from the queue.
    fn discard(self: Arc<Self>);

    /// Runs on this thread what could be waiting for this thread. Returns whether there was something.
    fn help(self: Arc<Self>, waiter: &mut Waiter) -> bool;

    /// Whether the calling thread is inside it.
    fn is_current(&self) -> bool;
}

/// An entry that has become the head of its queue.
type Head = Arc<dyn OrderedEntry>;

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

    /// Ends the events that wait behind others.
    pub(crate) fn discard_waiting(&self) {
        for entry in self.queues.take_waiting(|entry| entry.can_be_discarded()) {
            entry.discard();
        }
    }

    pub(crate) fn stats(&self) -> KeyOrderStats {
        self.rule.stats(self.queues.keys(), self.queues.waiting())
    }
}

thread_local! {
    /// The heads that this thread has still to submit, while it submits one.
    static SUBMITTING: RefCell<Option<VecDeque<Head>>> = const { RefCell::new(None) };
}

/// Submits an entry that has become the head of its queue.
///
/// A pool that drops an entry ends it, which makes the next one the head. Those wait in a list here and are submitted one after another;
/// submitted inside one another they would overflow the stack.
pub(crate) fn submit_head(next: Option<Head>) {
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
        next.submit();
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
