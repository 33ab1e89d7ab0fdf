//! The primitives of the model checker.
//!
//! The checker runs one thread at a time and switches at its own primitives only. So the channels here are plain data
//! that nothing interrupts, with one switch before each operation, and a semaphore of the checker's to block on.

mod channel;
mod select;
mod timer;

use std::sync::PoisonError;
use std::time::Instant;

pub(crate) use crossbeam_channel::TrySendError;
pub(crate) use shuttle::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, fence};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use shuttle::thread::yield_now;
pub(crate) use shuttle::thread_local;

pub(crate) use self::channel::{Receiver, Sender, bounded, unbounded};
pub(crate) use self::select::Select;
use self::timer::Timer;

/// Enough to tell stripes apart; reading each is a step to be explored.
pub(crate) const STRIPES: usize = 2;

/// Enough to meet counters that hold still, and counters that will not.
pub(crate) const TRIES: usize = 2;

/// Lets other threads run before what is done next.
fn step() {
    // It sleeps for no time; the checker gives it a switch, and unlike a yield does not take it for idling.
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

/// Waits, and says whether it timed out.
pub(super) fn wait_until<'a, T>(
    mutex: &'a Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    match Timer::until(deadline) {
        Timer::Never => {
            let guard = condvar.wait(guard);
            (guard.unwrap_or_else(PoisonError::into_inner), false)
        }
        Timer::Passed => (guard, true),
        timer => {
            // It looks again rather than to be notified: so it never counts as blocked, and always ends.
            drop(guard);
            yield_now();
            let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
            (guard, timer.fires())
        }
    }
}
