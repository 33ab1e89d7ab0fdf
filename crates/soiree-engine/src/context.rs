//! What the calling thread is in the middle of.

use std::cell::{Cell, RefCell};

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

/// No dispatch: no hub has this address.
const NONE: Frame = Frame {
    hub: 0,
    flight: 0,
    pool: 0,
};

thread_local! {
    /// The innermost one. Beside the others, as there are seldom any, and what has no destructor is entered and left in no time.
    static INNERMOST: Cell<Frame> = const { Cell::new(NONE) };
    static OTHERS: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Takes the frame off again.
pub(crate) struct EnteredFrame {
    is_nested: bool,
}

#[inline]
pub(crate) fn enter_frame(frame: Frame) -> EnteredFrame {
    let outer = INNERMOST.replace(frame);
    let is_nested = outer.hub != NONE.hub;
    if is_nested {
        // While a thread ends its locals are gone; dispatches around one in another local's destructor go unnoticed then.
        let _ = OTHERS.try_with(|others| others.borrow_mut().push(outer));
    }
    EnteredFrame { is_nested }
}

impl Drop for EnteredFrame {
    #[inline]
    fn drop(&mut self) {
        let mut outer = None;
        if self.is_nested {
            outer = OTHERS
                .try_with(|others| others.borrow_mut().pop())
                .unwrap_or_default();
        }
        INNERMOST.set(outer.unwrap_or(NONE));
    }
}

/// In how many dispatches of which this holds this thread is.
pub(crate) fn count(holds: impl Fn(&Frame) -> bool) -> usize {
    let innermost = INNERMOST.get();
    if innermost.hub == NONE.hub {
        return 0;
    }
    let others = OTHERS
        .try_with(|others| others.borrow().iter().filter(|frame| holds(frame)).count())
        .unwrap_or(0);
    usize::from(holds(&innermost)) + others
}

/// Whether this thread is the timer's, as far as emissions know.
pub(crate) fn on_timer() -> bool {
    inside_any(|frame| frame.pool == TIMER)
}

/// Whether this thread is inside a dispatch of which this holds.
pub(crate) fn inside_any(holds: impl Fn(&Frame) -> bool) -> bool {
    count(holds) > 0
}
