//! Closing a task tracker, as an emitter does, while tasks start and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shuttle::thread;
use soiree_engine::TaskTracker;

use soiree_testkit::model::{Threads, explore};

/// E4: a close waits for the tasks that have started, rejects later ones, and only one of several closes succeeds.
#[test]
fn starting_races_closing() {
    explore(|| {
        let tracker = Arc::new(TaskTracker::new());
        let (inside, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut threads = Threads::default();
        for _ in 0..3 {
            let (tracker, inside) = (Arc::clone(&tracker), Arc::clone(&inside));
            threads.start(move || {
                if tracker.try_start() {
                    inside.fetch_add(2, SeqCst);
                    thread::yield_now();
                    tracker.start_nested();
                    for _ in 0..2 {
                        inside.fetch_sub(1, SeqCst);
                        tracker.end();
                    }
                }
            });
        }
        for _ in 0..2 {
            let (tracker, inside, closed) = (
                Arc::clone(&tracker),
                Arc::clone(&inside),
                Arc::clone(&closed),
            );
            threads.start(move || {
                closed.fetch_add(usize::from(tracker.close()), SeqCst);
                assert!(tracker.wait(None));
                assert_eq!(inside.load(SeqCst), 0);
                assert!(!tracker.try_start());
            });
        }
        threads.join();
        assert_eq!(closed.load(SeqCst), 1);
        assert_eq!(tracker.len(), 0);
    });
}
