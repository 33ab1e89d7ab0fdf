//! What stands in the queue of a key, and submitting it when it has become the head. Calls whose turn has come are submitted in the same
//! way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use soiree_core::MAX_INLINE_DEPTH;
use soiree_core::panic::contained;
use soiree_core::sync::thread_local;

use crate::emission::helping::Waiter;
use crate::emission::turns::TurnWork;
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

/// What has become the head of its queue.
enum Head {
    Entry(Arc<dyn OrderedEntry>),
    Call(Arc<dyn TurnWork>),
}

/// The queues of the keys of an order.
pub(crate) type OrderQueues = KeyQueues<dyn OrderedEntry>;

/// A rule, and the queues of its keys. Emissions hold on to the queues, also when the rule is no longer in force.
pub(crate) struct ActiveOrder {
    pub(crate) rule: Arc<OrderRule>,
    pub(crate) queues: Arc<OrderQueues>,
}

impl OrderQueues {
    /// Ends the events that wait behind others.
    pub(crate) fn discard_waiting(&self) {
        for entry in self.take_waiting(|entry| entry.can_be_discarded()) {
            contained(|| entry.discard());
        }
    }
}

impl ActiveOrder {
    pub(crate) fn new(rule: &Arc<OrderRule>) -> Self {
        Self {
            rule: Arc::clone(rule),
            queues: Arc::new(KeyQueues::new()),
        }
    }

    pub(crate) fn stats(&self) -> KeyOrderStats {
        let (waiting, blocked) = self.queues.waiting();
        self.rule.stats(self.queues.keys(), waiting, blocked)
    }
}

/// What a thread has still to do that submits a head.
#[derive(Default)]
struct Submission {
    /// Heads to submit.
    heads: VecDeque<Head>,
    /// Emissions that have ended meanwhile. Dropped when no head is left: dropping the last handle of one runs user code.
    ended: Vec<Arc<dyn OrderedEntry>>,
    /// How many loops submit the heads, inside one another.
    depth: usize,
}

thread_local! {
    static SUBMITTING: RefCell<Option<Submission>> = const { RefCell::new(None) };
}

/// The thread submits heads until this is dropped.
struct SubmittingGuard;

impl Drop for SubmittingGuard {
    fn drop(&mut self) {
        // The borrow ends first: user code is dropped with it.
        let submission = SUBMITTING.try_with(|submitting| submitting.borrow_mut().take());
        let ended = submission.ok().flatten().map(|submission| submission.ended);
        for entry in ended.into_iter().flatten() {
            contained(move || drop(entry));
        }
    }
}

/// Submits an entry that has become the head of its queue. `ended` is the entry that was the head before, if it has ended.
///
/// A pool that drops an entry ends it, which makes the next one the head. Those wait in a list of this thread and are submitted one after
/// another; submitted inside one another they would overflow the stack.
pub(crate) fn submit_head(
    next: Option<Arc<dyn OrderedEntry>>,
    ended: impl FnOnce() -> Option<Arc<dyn OrderedEntry>>,
) {
    submit_next(next.map(Head::Entry), ended);
}

/// Submits a call whose turn has come. A pool that drops it lets the next one come, as with an entry.
pub(in crate::emission) fn submit_turn(work: Arc<dyn TurnWork>) {
    submit_next(Some(Head::Call(work)), || None);
}

fn submit_next(next: Option<Head>, ended: impl FnOnce() -> Option<Arc<dyn OrderedEntry>>) {
    let mut next = next;
    let is_listed = SUBMITTING.try_with(|submitting| {
        let mut submitting = submitting.borrow_mut();
        if let Some(submission) = &mut *submitting {
            submission.heads.extend(next.take());
            submission.ended.extend(ended());
        } else if next.is_some() {
            *submitting = Some(Submission::default());
        }
    });
    let Some(next) = next else {
        return;
    };
    let guard = is_listed.is_ok().then_some(SubmittingGuard);
    submit(next);
    submit_heads();
    drop(guard);
}

/// Before this thread waits for an emission: submits the heads that it has still to submit, as it waits inside user code that was
/// called meanwhile. Returns whether it could.
pub(in crate::emission) fn submit_pending_heads() -> bool {
    let depth = with_submission(|submission| match submission.heads.is_empty() {
        true => 0,
        false => {
            submission.depth += 1;
            submission.depth
        }
    });
    match depth {
        None | Some(0) => return true,
        Some(depth) if depth <= MAX_INLINE_DEPTH => submit_heads(),
        Some(_) => {}
    }
    with_submission(|submission| {
        submission.depth -= 1;
        submission.heads.is_empty()
    })
    .unwrap_or(true)
}

fn submit_heads() {
    while let Some(head) = with_submission(|submission| submission.heads.pop_front()).flatten() {
        submit(head);
    }
}

fn submit(head: Head) {
    // What one head runs into must not keep the others from being submitted.
    contained(|| match head {
        Head::Entry(entry) => entry.submit(),
        Head::Call(work) => work.submit(),
    });
}

fn with_submission<R>(act: impl FnOnce(&mut Submission) -> R) -> Option<R> {
    let acted = SUBMITTING.try_with(|submitting| submitting.borrow_mut().as_mut().map(act));
    // While a thread ends, its locals are gone.
    acted.unwrap_or_default()
}
