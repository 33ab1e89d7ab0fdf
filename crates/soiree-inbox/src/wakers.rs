//! Tasks that wait for something in an inbox.

use std::collections::BTreeMap;
use std::task::Waker;

use soiree_core::panic::Contained;

/// What wakes the tasks that wait, by their numbers. Plain data: what it returns is to be dropped and woken without a lock.
#[derive(Default)]
pub(crate) struct Wakers {
    wakers: BTreeMap<u64, Contained<Waker>>,
    last: u64,
}

/// Wakers that are to be called without a lock, as they are user code.
#[must_use]
pub(crate) struct Woken(BTreeMap<u64, Contained<Waker>>);

impl Wakers {
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Returns the waker that was set before, if there was one.
    pub(crate) fn set(&mut self, number: u64, waker: Contained<Waker>) -> Option<Contained<Waker>> {
        self.wakers.insert(number, waker)
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Contained<Waker>> {
        self.wakers.remove(&number)
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Option<Woken> {
        (!self.wakers.is_empty()).then(|| Woken(std::mem::take(&mut self.wakers)))
    }
}

impl Woken {
    #[cold]
    pub(crate) fn wake(self) {
        for waker in self.0.values() {
            waker.wake();
        }
    }
}
