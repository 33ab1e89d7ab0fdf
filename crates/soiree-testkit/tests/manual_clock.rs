//! `ManualClock` moves its timer along, and its wall clock can be set.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree_core::Timer;
use soiree_core::store::{Millis, WallClock};
use soiree_testkit::{ManualClock, ManualTimer};

const SECOND: Duration = Duration::from_secs(1);

/// D7: a task finds both clocks at its own due time, and a wall clock that is set moves no timer.
#[test]
fn one_advance_moves_both_clocks() {
    let clock = ManualClock::at(Millis(10_000));
    let timer = clock.timer();
    let seen: Arc<Mutex<Vec<Millis>>> = Arc::default();
    let (inner, record) = (clock.clone(), Arc::clone(&seen));
    let task = move || record.lock().unwrap().push(inner.now());
    let due = timer.after(2 * SECOND);
    timer.at(due, Box::new(task)).unwrap();

    clock.set_wall(Millis(-5_000));
    assert_eq!((timer.pending(), clock.now()), (1, Millis(-5_000)));
    assert_eq!(clock.advance(3 * SECOND), 1);
    assert_eq!(*seen.lock().unwrap(), [Millis(-3_000)]);
    assert_eq!(clock.now(), Millis(-2_000));
}

/// D7: the clock follows a timer that the test advances itself.
#[test]
fn a_timer_that_is_advanced_moves_its_wall_clock() {
    let timer = ManualTimer::new();
    let clock = ManualClock::with_timer(Millis(0), timer.clone());
    timer.at(timer.after(SECOND), Box::new(|| {})).unwrap();
    assert!(timer.advance_to_next());
    assert_eq!(clock.now(), Millis(1_000));
}
