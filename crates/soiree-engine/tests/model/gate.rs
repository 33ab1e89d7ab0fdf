//! The gate, which the emitter closes as a pool closes itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shuttle::thread;
use soiree_engine::TaskTracker;

use soiree_testkit::model::{Threads, explore};

/// E4: whoever got in is waited for, whoever comes later stays out, and of those who close one does.
#[test]
fn entering_races_closing() {
    explore(|| {
        let gate = Arc::new(TaskTracker::new());
        let (inside, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut threads = Threads::default();
        for _ in 0..3 {
            let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
            threads.start(move || {
                if gate.enter() {
                    inside.fetch_add(2, SeqCst);
                    thread::yield_now();
                    gate.enter_again();
                    for _ in 0..2 {
                        inside.fetch_sub(1, SeqCst);
                        gate.leave();
                    }
                }
            });
        }
        for _ in 0..2 {
            let (gate, inside, closed) =
                (Arc::clone(&gate), Arc::clone(&inside), Arc::clone(&closed));
            threads.start(move || {
                closed.fetch_add(usize::from(gate.close()), SeqCst);
                assert!(gate.wait_empty(None));
                assert_eq!(inside.load(SeqCst), 0);
                assert!(!gate.enter());
            });
        }
        threads.join();
        assert_eq!(closed.load(SeqCst), 1);
        assert_eq!(gate.inside(), 0);
    });
}
