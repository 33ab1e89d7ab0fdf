//! What the calling thread is in the middle of.

use std::cell::RefCell;

/// One dispatch on this thread's stack, named by addresses that live as long as the dispatch does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) hub: usize,
    /// 0 for a dispatch without an `Emission`.
    pub(crate) flight: usize,
    /// 0 for a dispatch that no pool runs, [`TIMER`] for what the timer's thread does.
    pub(crate) pool: usize,
}

/// No pool has this address. Whoever is inside must not wait: what it waited for may wait for the timer.
pub(crate) const TIMER: usize = usize::MAX;

thread_local! {
    static STACK: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Takes the frame off again.
pub(crate) struct Entered;

pub(crate) fn enter(frame: Frame) -> Entered {
    // While a thread ends its locals are gone; listeners called from other locals' destructors go unnoticed then.
    let _ = STACK.try_with(|stack| stack.borrow_mut().push(frame));
    Entered
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = STACK.try_with(|stack| stack.borrow_mut().pop());
    }
}

/// In how many dispatches of which this holds this thread is.
pub(crate) fn count(holds: impl Fn(&Frame) -> bool) -> usize {
    STACK
        .try_with(|stack| stack.borrow().iter().filter(|frame| holds(frame)).count())
        .unwrap_or(0)
}

/// Whether this thread is the timer's, as far as emissions know.
pub(crate) fn on_timer() -> bool {
    any(|frame| frame.pool == TIMER)
}

/// Whether this thread is inside a dispatch of which this holds.
pub(crate) fn any(holds: impl Fn(&Frame) -> bool) -> bool {
    STACK
        .try_with(|stack| stack.borrow().iter().any(holds))
        .unwrap_or(false)
}
