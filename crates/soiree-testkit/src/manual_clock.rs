//! A wall clock that a test sets by hand.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::Timer;
use soiree_core::store::{Millis, WallClock};

use crate::manual_timer::ManualTimer;

/// A wall clock that stands still until the test moves it, together with a [`ManualTimer`].
///
/// [`advance`](ManualClock::advance) lets time pass: for the wall clock and for the timer. [`set_wall`](ManualClock::set_wall) sets the
/// wall clock alone, forth or back, as somebody does who corrects the time of a machine. Clones are the same clock.
///
/// ```
/// use soiree_core::Timer;
/// use soiree_core::store::{Millis, WallClock};
/// use soiree_testkit::ManualClock;
/// use std::time::Duration;
///
/// let clock = ManualClock::at(Millis(1_000));
/// let timer = clock.timer();
/// let start = timer.now();
/// clock.advance(Duration::from_secs(2));
/// assert_eq!((clock.now(), timer.now() - start), (Millis(3_000), Duration::from_secs(2)));
///
/// clock.set_wall(Millis(0));
/// assert_eq!((clock.now(), timer.now() - start), (Millis(0), Duration::from_secs(2)));
/// ```
#[derive(Clone)]
pub struct ManualClock {
    timer: ManualTimer,
    /// What the wall clock showed, at what time of the timer.
    set: Arc<Mutex<(Millis, Instant)>>,
}

impl ManualClock {
    /// Creates a clock that shows the current time, and a timer with it.
    pub fn new() -> Self {
        Self::at(Millis::now())
    }

    /// Creates a clock that shows this time, and a timer with it.
    pub fn at(wall: Millis) -> Self {
        Self::with_timer(wall, ManualTimer::new())
    }

    /// Creates a clock that shows this time, for a timer that exists. The wall clock moves whenever the timer does.
    pub fn with_timer(wall: Millis, timer: ManualTimer) -> Self {
        let set = Arc::new(Mutex::new((wall, timer.now())));
        Self { timer, set }
    }

    /// The timer, to pass to the code under test.
    pub fn timer(&self) -> ManualTimer {
        self.timer.clone()
    }

    /// Lets this time pass for the wall clock and the timer, and runs the tasks that fall due. Returns how many it ran.
    ///
    /// Each task runs on the calling thread, and finds both clocks at its own due time, as [`ManualTimer::advance`] says.
    ///
    /// # Panics
    /// If a task panics, or if the new time is later than [`Instant`] can represent.
    pub fn advance(&self, time: Duration) -> usize {
        self.timer.advance(time)
    }

    /// Sets the wall clock alone. No time passes for the timer, and no task runs.
    pub fn set_wall(&self, wall: Millis) {
        let now = self.timer.now();
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = (wall, now);
    }
}

impl WallClock for ManualClock {
    fn now(&self) -> Millis {
        let (wall, at) = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        wall.saturating_add(self.timer.now().saturating_duration_since(at))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock")
            .field("now", &self.now())
            .field("timer", &self.timer)
            .finish()
    }
}
