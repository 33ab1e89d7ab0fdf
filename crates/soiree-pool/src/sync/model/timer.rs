//! When a timeout comes: at no time that a clock would tell.

use std::time::{Duration, Instant};

use shuttle::rand::Rng;

/// What is farther off than this never comes.
const FAR: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// It is too far off to come.
    Never,
    /// It may come at any time, and does so in the end.
    Pending,
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
            _ => Self::Pending,
        }
    }

    /// Whether it comes now.
    pub(super) fn fires(self) -> bool {
        match self {
            Self::Never => false,
            Self::Pending => shuttle::rand::thread_rng().gen_ratio(1, 8),
            Self::Passed => true,
        }
    }
}
