//! The time of an outbox: wall-clock time that does not jump while it runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

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

    /// Runs something after a delay.
    pub(crate) fn after(
        &self,
        delay: Duration,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<TimerId, TimerError> {
        self.timer.at(self.timer.after(delay), Box::new(run))
    }

    pub(crate) fn cancel(&self, id: TimerId) {
        self.timer.cancel(id);
    }
}
