//! The primitives of the model checker.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

pub use shuttle::sync::atomic::{AtomicBool, AtomicU64};
pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
pub use shuttle::thread_local;

use shuttle::rand::Rng;

/// Enough to tell stripes apart; reading each is a step to be explored.
pub const STRIPES: usize = 2;

/// A deadline farther off than this never comes; one that is nearer, and not past, may come at any time.
const FAR: Duration = Duration::from_secs(3600);

/// Waits, and says whether it timed out.
pub(super) fn wait_until<'a, T>(
    mutex: &'a Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    match deadline.checked_duration_since(Instant::now()) {
        None => (guard, true),
        Some(rest) if rest > FAR => {
            let guard = condvar.wait(guard);
            (guard.unwrap_or_else(PoisonError::into_inner), false)
        }
        Some(_) => {
            // Whoever notifies is not waited for: the caller looks again, until the deadline comes.
            drop(guard);
            shuttle::thread::yield_now();
            let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
            (guard, shuttle::rand::thread_rng().gen_ratio(1, 8))
        }
    }
}
