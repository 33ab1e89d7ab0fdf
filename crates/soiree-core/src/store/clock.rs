//! The wall clock that due times are measured by.

use super::record::Millis;

/// A wall clock. It may be set forward and back at any time, so measure durations with a [`Timer`](crate::Timer) instead.
///
/// Due times and the age of stored events outlive the process, so they are times of a wall clock. Tests pass one that they set
/// themselves, such as `soiree_testkit::ManualClock`.
///
/// ```
/// use soiree_core::store::{Millis, SystemClock, WallClock};
/// let before = Millis::now();
/// assert!(SystemClock.now().since(before).as_secs() < 60);
/// ```
pub trait WallClock: Send + Sync {
    /// The time that the clock shows.
    fn now(&self) -> Millis;
}

/// The clock of the system: [`Millis::now`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Millis {
        Millis::now()
    }
}
