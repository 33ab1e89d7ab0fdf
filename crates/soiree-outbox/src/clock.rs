//! The time of an outbox: wall-clock time that does not jump while it runs.

use std::sync::Arc;
use std::time::Instant;

use soiree_core::store::{Millis, WallClock};
use soiree_core::{Timer, TimerError, TimerId};

/// Starts at the wall clock's time, and goes on with the timer's, which is monotonic. So a clock that is set strands no retry.
#[derive(Clone)]
pub(crate) struct Clock {
    timer: Arc<dyn Timer>,
    start: Instant,
    wall_start: Millis,
}

impl Clock {
    pub(crate) fn new(timer: Arc<dyn Timer>, wall: &dyn WallClock) -> Self {
        Self {
            start: timer.now(),
            wall_start: wall.now(),
            timer,
        }
    }

    pub(crate) fn now(&self) -> Millis {
        let passed = self.timer.now().saturating_duration_since(self.start);
        self.wall_start.saturating_add(passed)
    }

    /// Runs something at this time.
    pub(crate) fn at(
        &self,
        at: Millis,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<TimerId, TimerError> {
        // Not after a delay from now: time may have passed since somebody looked at the clock.
        let after_start = at.since(self.wall_start);
        let due = self.start.checked_add(after_start);
        let due = due.unwrap_or_else(|| self.timer.after(after_start));
        self.timer.at(due, Box::new(run))
    }

    pub(crate) fn cancel(&self, id: TimerId) {
        self.timer.cancel(id);
    }
}
