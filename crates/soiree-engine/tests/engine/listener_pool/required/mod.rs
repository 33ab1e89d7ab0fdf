//! Listeners that require a place in their own pool.

mod accepting;
mod giving_back;
mod hostile;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use soiree::{EventPool, WhenPoolFull};
use soiree_core::{Event, ListenerOptions};
use soiree_testkit::ManualPool;

fn required() -> ListenerOptions {
    ListenerOptions::new()
        .pool("own")
        .when_full(WhenPoolFull::Required)
}

/// An event pool on pools that run what the test says. The bulkhead `own` has this many places.
fn manual(places: usize) -> (EventPool, ManualPool, ManualPool) {
    let (default, own) = (ManualPool::new(), ManualPool::with_capacity(places));
    let soiree = EventPool::builder()
        .pool(default.clone())
        .bulkhead("own", own.clone())
        .build()
        .unwrap();
    (soiree, default, own)
}

/// Counts the calls of a listener.
fn count(soiree: &EventPool, options: impl Into<ListenerOptions>) -> Arc<AtomicUsize> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listener = move |_: &dyn Event| {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    soiree.on_with("a", options, listener).unwrap();
    calls
}
