//! Counting who is inside, and closing the door behind the last one.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use soiree_core::sync::{AtomicBool, AtomicU64, Monitor, STRIPES, stripe};

/// A door through which many threads pass at once, and which can be closed.
///
/// Entering and leaving touch a counter that threads seldom share; only closing looks at them all. Whoever enters may be
/// let out by another thread. For pools and whatever else must refuse what comes after a close without losing what came
/// before.
///
/// ```
/// use soiree_engine::TaskTracker;
/// let gate = TaskTracker::new();
/// assert!(gate.enter());
/// gate.close();
/// assert!(!gate.enter());
/// gate.leave();
/// assert!(gate.wait_empty(None));
/// ```
pub struct TaskTracker {
    closed: AtomicBool,
    stripes: [CachePadded<Stripe>; STRIPES],
    left: Monitor<()>,
}

#[derive(Default)]
struct Stripe {
    entered: AtomicU64,
    left: AtomicU64,
}

impl TaskTracker {
    /// An open gate with nobody inside.
    pub fn new() -> Self {
        Self {
            closed: AtomicBool::new(false),
            stripes: Default::default(),
            left: Monitor::new(()),
        }
    }

    /// Whether one got in; if so, [`leave`](TaskTracker::leave) has to follow.
    pub fn enter(&self) -> bool {
        self.stripe().entered.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.leave();
            return false;
        }
        true
    }

    /// Lets another one in, from inside: also when the gate is closed. [`leave`](TaskTracker::leave) has to follow for both.
    pub fn enter_again(&self) {
        self.stripe().entered.fetch_add(1, Ordering::SeqCst);
    }

    /// Goes out again.
    pub fn leave(&self) {
        self.stripe().left.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            drop(self.left.lock());
            self.left.notify_all();
        }
    }

    /// Closes the door; whether it was this call that did it.
    pub fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::SeqCst)
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// How many are inside: exact when it says 0 and the gate is closed, an estimate else.
    pub fn inside(&self) -> u64 {
        // Those who left first: whoever left had entered, so equal sums prove that nobody was inside in between.
        let left: u64 = self
            .stripes
            .iter()
            .map(|s| s.left.load(Ordering::SeqCst))
            .sum();
        let entered: u64 = self
            .stripes
            .iter()
            .map(|s| s.entered.load(Ordering::SeqCst))
            .sum();
        entered - left
    }

    /// Waits until nobody is inside a closed gate; `false` if the deadline came first.
    pub fn wait_empty(&self, deadline: Option<Instant>) -> bool {
        let mut guard = self.left.lock();
        let mut late = false;
        loop {
            if self.inside() == 0 {
                return true;
            }
            if late {
                return false;
            }
            match deadline {
                Some(deadline) => (guard, late) = self.left.wait_until(guard, deadline),
                None => guard = self.left.wait(guard),
            }
        }
    }

    fn stripe(&self) -> &Stripe {
        &self.stripes[stripe()]
    }
}

impl Default for TaskTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskTracker")
            .field("closed", &self.is_closed())
            .field("inside", &self.inside())
            .finish()
    }
}
