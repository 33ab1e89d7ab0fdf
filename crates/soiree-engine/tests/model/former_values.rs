//! Values of the user's that were replaced, and call the event pool as they are dropped.

use shuttle::thread;
use soiree::{EventPool, WeakEventPool};
use soiree_testkit::model::{Threads, explore};

use crate::pools::workers;

/// Closes the event pool when it is dropped, and waits for all work.
struct ClosesOnDrop(WeakEventPool);

impl Drop for ClosesOnDrop {
    fn drop(&mut self) {
        if let Some(soiree) = self.0.upgrade() {
            // An error if a listener drops it, or if the event pool is closed already.
            let _ = soiree.close();
        }
    }
}

fn event_pool() -> EventPool {
    let soiree = EventPool::builder().pool(workers(1, 2)).build().unwrap();
    soiree.on("a", |_| thread::yield_now()).unwrap();
    soiree
}

/// E4: what former settings held may close the event pool, whichever thread drops it: also one that is about to emit.
#[test]
fn a_close_by_what_former_settings_held_does_not_wait_for_its_own_thread() {
    explore(|| {
        let soiree = event_pool();
        let guard = ClosesOnDrop(soiree.downgrade());
        soiree.set_unheard_event_handler(move |_| {
            let _ = &guard;
        });
        let mut threads = Threads::default();
        for _ in 0..2 {
            let soiree = soiree.clone();
            threads.start(move || {
                drop(soiree.emit("a", ()));
                drop(soiree.try_emit("a", ()));
            });
        }
        let changes = soiree.clone();
        threads.start(move || changes.set_unheard_event_handler(|_| {}));
        threads.join();
        // Unless a listener has dropped it.
        soiree.close().ok();
        assert_eq!(soiree.stats().in_flight, 0);
    });
}

/// E4: a listener that was removed may close the event pool as it is dropped, though others still read older subscriptions.
#[test]
fn a_close_by_a_removed_listener_does_not_wait_for_its_own_thread() {
    explore(|| {
        let soiree = event_pool();
        let guard = ClosesOnDrop(soiree.downgrade());
        let mut threads = Threads::default();
        for _ in 0..2 {
            let soiree = soiree.clone();
            threads.start(move || drop(soiree.emit_sync("a", ())));
        }
        let reader = soiree.clone();
        threads.start(move || drop(reader.has_listeners("c")));
        let changes = soiree.clone();
        threads.start(move || {
            let id = changes.on("c", move |_| {
                let _ = &guard;
            });
            if let Ok(id) = id {
                drop(changes.off("c", &id));
                drop(changes.on("d", |_| {}));
            }
        });
        threads.join();
        soiree.close().ok();
        assert_eq!(soiree.stats().in_flight, 0);
    });
}
