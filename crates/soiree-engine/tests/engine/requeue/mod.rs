//! Accepted work that waits for a pool is neither lost nor forgotten.

mod closed;
mod order;
mod removed;
mod shared;
mod unstartable;

use soiree_testkit::ManualTimer;

use crate::support::wait_until;

/// Waits until so many tasks of the timer wait to be due.
fn wait_scheduled(timer: &ManualTimer, tasks: usize) {
    wait_until("it is scheduled", || timer.pending() == tasks);
}
