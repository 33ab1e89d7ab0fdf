//! What listeners do here, and proof that they did it.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

/// The topic of workloads that know only one.
pub(crate) const TOPIC: &str = "user.created";

/// An event as simple as can be.
pub(crate) struct BareEvent<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a (dyn Any + Send + Sync),
}

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A listener as simple as can be.
pub(crate) type BareListener = Arc<dyn Fn(&BareEvent<'_>) -> Result<(), BoxError> + Send + Sync>;

/// A [`BareListener`] that counts.
pub(crate) fn bare_listener() -> BareListener {
    Arc::new(|event| {
        debug_assert!(!event.topic.is_empty() && event.payload.is::<u64>());
        called();
        Ok(())
    })
}

/// The same, and it looks at the payload.
pub(crate) fn reading_listener() -> BareListener {
    Arc::new(|event| {
        let payload: &u64 = event.payload.downcast_ref().ok_or("it is a number")?;
        black_box(*payload);
        called();
        Ok(())
    })
}

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Counts a call of a listener, on this thread alone.
pub(crate) fn called() {
    CALLS.set(CALLS.get() + 1);
}

/// How many calls were counted on this thread.
pub(crate) fn calls() -> u64 {
    CALLS.get()
}

/// Counts what is done on other threads, and wakes one that waits for it.
pub(crate) struct Countdown {
    done: AtomicU64,
    goal: AtomicU64,
    waiter: Thread,
}

impl Countdown {
    /// For the calling thread to wait for. It lives until the process ends, so that jobs can point to it.
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self {
            done: AtomicU64::new(0),
            goal: AtomicU64::new(u64::MAX),
            waiter: thread::current(),
        }))
    }

    /// To be done so often. What was done before no longer counts.
    pub(crate) fn begin(&self, goal: u64) {
        self.done.store(0, Ordering::SeqCst);
        self.goal.store(goal, Ordering::SeqCst);
    }

    /// It has been done once more.
    pub(crate) fn hit(&self) {
        let done = self.done.fetch_add(1, Ordering::AcqRel) + 1;
        if done == self.goal.load(Ordering::Relaxed) {
            self.waiter.unpark();
        }
    }

    /// Waits until all is done.
    pub(crate) fn wait(&self) {
        while self.done.load(Ordering::Acquire) < self.goal.load(Ordering::Relaxed) {
            thread::park();
        }
    }

    /// Makes sure that nothing was done twice.
    pub(crate) fn check(&self) {
        let (done, goal) = (&self.done, &self.goal);
        assert_eq!(done.load(Ordering::SeqCst), goal.load(Ordering::SeqCst));
    }
}
