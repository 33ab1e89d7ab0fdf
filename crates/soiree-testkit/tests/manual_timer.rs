//! `ManualTimer` does what it is told, when it is told.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree_core::Timer;
use soiree_testkit::ManualTimer;

const SECOND: Duration = Duration::from_secs(1);

/// L7, L9: what falls due is done in the order in which it does, at its own time, and what that puts in as well.
#[test]
fn tasks_are_done_in_order_as_their_time_comes() {
    let timer = ManualTimer::new();
    let start = timer.now();
    let done: Arc<Mutex<Vec<(u32, u32)>>> = Arc::default();
    let note = |number: u32| {
        let (timer, done) = (timer.clone(), Arc::clone(&done));
        move || {
            let at = (timer.now() - start).as_secs() as u32;
            done.lock().unwrap().push((number, at));
        }
    };
    timer.at(start + 3 * SECOND, Box::new(note(3))).unwrap();
    let (again, inner) = (timer.clone(), note(2));
    let outer = note(1);
    let first = move || {
        outer();
        again.at(start + 2 * SECOND, Box::new(inner)).unwrap();
    };
    timer.at(start + SECOND, Box::new(first)).unwrap();
    assert_eq!((timer.advance(2 * SECOND), timer.pending()), (2, 1));
    assert_eq!(timer.now(), start + 2 * SECOND);
    assert!(timer.advance_to_next());
    assert!(!timer.advance_to_next());
    assert_eq!(*done.lock().unwrap(), [(1, 1), (2, 2), (3, 3)]);
}

/// L7, L9: what is taken back is not done, and dropped there and then.
#[test]
fn a_task_that_is_taken_back_is_dropped() {
    let timer = ManualTimer::new();
    let (said, heard) = channel::<()>();
    let task = move || said.send(()).unwrap();
    let id = timer.at(timer.now(), Box::new(task)).unwrap();
    assert!(timer.cancel(id));
    assert!(heard.recv().is_err());
    assert!(!timer.cancel(id));
    assert_eq!(timer.advance(SECOND), 0);
}
