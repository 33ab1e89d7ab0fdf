//! Which emitter, emission, pool and limited calls the calling thread is inside of.

use std::cell::{Cell, RefCell};

use soiree_core::LimitedBy;
use soiree_core::sync::thread_local;

/// One dispatch on the stack of this thread. Addresses identify it, and stay valid as long as the dispatch runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The emitter.
    pub(crate) emitter: usize,
    /// [`ON_CALLER`] for an emission on the emitting thread, 0 for what is no emission.
    pub(crate) emission: usize,
    /// 0 for a dispatch that no pool runs, [`TIMER`] for what the timer thread does.
    pub(crate) pool: usize,
}

/// Stands for an emission on the emitting thread, which has no [`EmissionTask`](crate::emission::EmissionTask). None has this address.
pub(crate) const ON_CALLER: usize = 1;

/// Stands for the timer thread; no pool has this address. The timer thread must not wait: what it waited for may need the timer.
pub(crate) const TIMER: usize = usize::MAX;

/// No dispatch: no emitter has this address.
const NONE: Frame = Frame::of(0);

impl Frame {
    /// Inside an emitter, but in no emission and on no pool.
    #[inline]
    pub(crate) const fn of(emitter: usize) -> Self {
        Self {
            emitter,
            emission: 0,
            pool: 0,
        }
    }
}

thread_local! {
    /// The innermost frame. Apart from the others because it has no destructor, which makes entering and leaving cheap, and because
    /// there are seldom any others.
    static INNERMOST: Cell<Frame> = const { Cell::new(NONE) };
    static OUTER: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread is inside a frame until this is dropped.
pub(crate) struct EnteredFrame {
    is_nested: bool,
}

#[inline]
pub(crate) fn enter_frame(frame: Frame) -> EnteredFrame {
    let is_nested = INNERMOST.with(Cell::get).emitter != NONE.emitter;
    if is_nested {
        push_outer(INNERMOST.with(Cell::get));
    }
    set_innermost(frame);
    EnteredFrame { is_nested }
}

#[inline]
fn set_innermost(frame: Frame) {
    INNERMOST.with(|innermost| innermost.set(frame));
}

#[cold]
fn push_outer(outer: Frame) {
    // While a thread ends, its locals are gone: dispatches around one in another local's destructor go unnoticed then.
    let _ = OUTER.try_with(|frames| frames.borrow_mut().push(outer));
}

#[cold]
fn pop_outer() -> Frame {
    let outer = OUTER.try_with(|frames| frames.borrow_mut().pop());
    outer.unwrap_or_default().unwrap_or(NONE)
}

impl EnteredFrame {
    /// Whether the thread was inside another frame before.
    #[inline]
    pub(crate) fn is_nested(&self) -> bool {
        self.is_nested
    }

    /// From now on the frame is one of this emission. To be called while it is the innermost one.
    #[inline]
    pub(crate) fn set_emission(&self, emission: usize) {
        set_innermost(Frame {
            emission,
            ..INNERMOST.with(Cell::get)
        });
    }
}

impl Drop for EnteredFrame {
    #[inline]
    fn drop(&mut self) {
        match self.is_nested {
            true => set_innermost(pop_outer()),
            false => set_innermost(NONE),
        }
    }
}

/// Counts the frames of this thread for which `holds` is true.
pub(crate) fn count_frames(holds: impl Fn(&Frame) -> bool) -> usize {
    let innermost = INNERMOST.with(Cell::get);
    if innermost.emitter == NONE.emitter {
        return 0;
    }
    let outer = OUTER
        .try_with(|frames| frames.borrow().iter().filter(|frame| holds(frame)).count())
        .unwrap_or(0);
    usize::from(holds(&innermost)) + outer
}

/// How many emissions on the emitting thread this thread is inside of.
pub(crate) fn sync_depth() -> usize {
    count_frames(|frame| frame.pool == 0 && frame.emission != 0)
}

/// Whether this thread is inside a frame for which `holds` is true.
pub(crate) fn inside_frame(holds: impl Fn(&Frame) -> bool) -> bool {
    count_frames(holds) > 0
}

/// Whether this thread is the timer thread, as far as emissions know.
pub(crate) fn on_timer() -> bool {
    inside_frame(|frame| frame.pool == TIMER)
}

/// The calls that wait for each other's turns: those of one listener, or of one listener and key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TurnKey {
    /// The address of the listener's registration.
    pub(crate) registration: usize,
    pub(crate) by: LimitedBy,
}

thread_local! {
    /// The places in the queues of turns that this thread is inside of: of calls, and of emissions that have still to reach the listener.
    static TURNS: RefCell<Vec<(TurnKey, u64)>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread is inside a place until this is dropped, or until [`leave_turn`].
pub(crate) struct EnteredTurn(u64);

pub(crate) fn enter_turn(key: TurnKey, place: u64) -> EnteredTurn {
    // While a thread ends, its locals are gone.
    let _ = TURNS.try_with(|turns| turns.borrow_mut().push((key, place)));
    EnteredTurn(place)
}

/// The calling thread is no longer inside a place: what has the place goes on elsewhere.
pub(crate) fn leave_turn(place: u64) {
    let _ = TURNS.try_with(|turns| {
        let mut turns = turns.borrow_mut();
        let at = turns.iter().rposition(|(_, other)| *other == place);
        at.map(|at| turns.remove(at))
    });
}

/// Whether this thread is inside a place of that queue, so that it would wait for itself if it waited for a turn there.
pub(crate) fn inside_turn(key: &TurnKey) -> bool {
    TURNS
        .try_with(|turns| turns.borrow().iter().any(|(other, _)| other == key))
        .unwrap_or(false)
}

impl Drop for EnteredTurn {
    fn drop(&mut self) {
        leave_turn(self.0);
    }
}
