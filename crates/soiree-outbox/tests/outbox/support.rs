//! What the tests of outboxes have in common.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use soiree::codec::Text;
use soiree::store::Store;
use soiree::{Event, EventPool, Outbox, OutboxBuilder, WorkerPool};

/// Far more than any of these takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn soiree() -> EventPool {
    EventPool::builder()
        .pool(WorkerPool::new(4, 100).unwrap())
        .build()
        .unwrap()
}

/// Topics below `kept` are durable, and carry text.
pub(crate) fn builder(store: impl Store) -> OutboxBuilder {
    Outbox::builder(store).codec("kept.**", Text)
}

pub(crate) fn outbox(store: impl Store) -> Outbox {
    builder(store).build(soiree()).unwrap()
}

/// A listener that sends the texts that it gets.
pub(crate) fn sending() -> (
    impl Fn(&dyn Event) + Send + Sync + 'static,
    Receiver<String>,
) {
    let (sender, receiver) = channel();
    let listener = move |event: &dyn Event| {
        // The test may have ended.
        let _ = sender.send(text(event));
    };
    (listener, receiver)
}

pub(crate) fn text(event: &dyn Event) -> String {
    event
        .with_payload(|text: &String| text.clone())
        .expect("the payload is text")
}

/// The next `count` texts.
pub(crate) fn receive(receiver: &Receiver<String>, count: usize) -> Vec<String> {
    let next = || receiver.recv_timeout(LIMIT).expect("it is delivered");
    (0..count).map(|_| next()).collect()
}

#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        std::thread::yield_now();
    }
}
