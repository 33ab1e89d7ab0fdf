//! `ManualTimer` runs due tasks only when the test advances its time.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree_core::Timer;
use soiree_testkit::ManualTimer;

const SECOND: Duration = Duration::from_secs(1);

/// L7, L9: each task runs at its own due time; so does a task that another one adds.
#[test]
fn tasks_run_in_the_order_of_their_due_times() {
    let timer = ManualTimer::new();
    let start = timer.now();
    let ran: Arc<Mutex<Vec<(u32, u32)>>> = Arc::default();
    let record = |number: u32| {
        let (timer, ran) = (timer.clone(), Arc::clone(&ran));
        move || {
            let at = (timer.now() - start).as_secs() as u32;
            ran.lock().unwrap().push((number, at));
        }
    };
    timer.at(start + 3 * SECOND, Box::new(record(3))).unwrap();
    let (inner_timer, inner) = (timer.clone(), record(2));
    let outer = record(1);
    let first = move || {
        outer();
        inner_timer.at(start + 2 * SECOND, Box::new(inner)).unwrap();
    };
    timer.at(start + SECOND, Box::new(first)).unwrap();
    assert_eq!((timer.advance(2 * SECOND), timer.pending()), (2, 1));
    assert_eq!(timer.now(), start + 2 * SECOND);
    assert!(timer.advance_to_next());
    assert!(!timer.advance_to_next());
    assert_eq!(*ran.lock().unwrap(), [(1, 1), (2, 2), (3, 3)]);
}

/// L7, L9: a cancelled task never runs, and is dropped before `cancel` returns.
#[test]
fn a_cancelled_task_is_dropped() {
    let timer = ManualTimer::new();
    let (sender, receiver) = channel::<()>();
    let task = move || sender.send(()).unwrap();
    let id = timer.at(timer.now(), Box::new(task)).unwrap();
    assert!(timer.cancel(id));
    assert!(receiver.recv().is_err());
    assert!(!timer.cancel(id));
    assert_eq!(timer.advance(SECOND), 0);
}
