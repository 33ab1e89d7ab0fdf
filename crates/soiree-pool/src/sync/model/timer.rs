//! When a timeout comes: at no time that a clock would tell.

use std::time::{Duration, Instant};

use shuttle::rand::Rng;

/// What is farther off than this never comes.
const FAR: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// It is too far off to come.
    Never,
    /// It may come at any time, and does so in the end: each time that one looks, the chance is one in so many.
    Pending(u32),
    /// It has come.
    Passed,
}

impl Timer {
    pub(super) fn until(deadline: Instant) -> Self {
        deadline
            .checked_duration_since(Instant::now())
            .map_or(Self::Passed, Self::after)
    }

    pub(super) fn after(rest: Duration) -> Self {
        match rest {
            Duration::ZERO => Self::Passed,
            rest if rest > FAR => Self::Never,
            // Soon or late.
            _ => Self::Pending([2, 16][shuttle::rand::thread_rng().gen_range(0..2)]),
        }
    }

    /// Whether it comes now.
    pub(super) fn fires(self) -> bool {
        match self {
            Self::Never => false,
            Self::Pending(odds) => shuttle::rand::thread_rng().gen_ratio(1, odds),
            Self::Passed => true,
        }
    }
}
