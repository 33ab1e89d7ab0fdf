//! What the tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::thread;
use std::time::{Duration, Instant};

use soiree::{Event, Received};

/// Far longer than any condition needs to come true.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Waits until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        thread::yield_now();
    }
}

/// An item whose payload is a number: positive for an event, negative for missed ones.
pub(crate) fn number(received: Received) -> i64 {
    match received {
        Received::Event(event) => *event.payload_as::<i64>().expect("it is a number"),
        Received::Missed(missed) => -(missed as i64),
    }
}

/// Counts how often it is woken.
#[derive(Default)]
pub(crate) struct CountWakes(pub(crate) AtomicUsize);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The topic of an event.
pub(crate) fn topic(event: &Arc<dyn Event>) -> &str {
    event.topic()
}
