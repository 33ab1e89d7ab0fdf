//! Closing at the end of a scope.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soiree::{CloseError, EventPool, WorkerPool};

const LONG: Duration = Duration::from_secs(60);

fn program(handled: &Arc<AtomicUsize>, fails: bool) -> Result<EventPool, &'static str> {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 32).unwrap());
    let _guard = soiree.close_on_drop(LONG);
    let count = Arc::clone(handled);
    let listener = move |_: &dyn soiree::Event| {
        count.fetch_add(1, Ordering::SeqCst);
    };
    soiree.on("a", listener).unwrap();
    for _ in 0..20 {
        soiree.emit("a", ()).unwrap();
    }
    if fails {
        return Err("something else failed");
    }
    Ok(soiree)
}

/// E4: everything accepted is handled at the end of the scope, also if it is left early.
#[test]
fn a_guard_closes_at_the_end_of_its_scope() {
    for fails in [false, true] {
        let handled = Arc::default();
        let ended = program(&handled, fails);
        assert_eq!(handled.load(Ordering::SeqCst), 20);
        assert_eq!(ended.is_err(), fails);
        assert!(ended.is_err() || ended.is_ok_and(|soiree| soiree.is_closed()));
    }
}

/// E4: a guard does nothing if the event pool was closed before, and one that cannot close does not panic.
#[test]
fn a_guard_never_panics() {
    let soiree = EventPool::new();
    let guard = soiree.close_on_drop(Duration::MAX);
    soiree.close().unwrap();
    drop(guard);
    let soiree = EventPool::new();
    let weak = soiree.downgrade();
    soiree
        .on("a", move |_| {
            drop(weak.upgrade().unwrap().close_on_drop(LONG))
        })
        .unwrap();
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    assert!(
        !soiree.is_closed(),
        "a listener cannot close its own event pool"
    );
    assert_eq!(soiree.close_with_deadline(Instant::now() + LONG), Ok(()));
    assert_eq!(soiree.close(), Err(CloseError::AlreadyClosed));
}
