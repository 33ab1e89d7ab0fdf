//! Waiting until a pool is idle, for pools that do not say when they are.

use std::thread;
use std::time::{Duration, Instant};

const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Looks until the pool is idle or the deadline has passed. Returns whether it is idle.
pub(super) fn poll_until_idle(is_idle: impl Fn() -> bool, deadline: Instant) -> bool {
    let mut pause = SHORTEST_PAUSE;
    loop {
        if is_idle() {
            return true;
        }
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return false;
        }
        thread::sleep(pause.min(rest));
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
