//! What observers and figures show.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use soiree::observe::{DeliveryEnded, EventStored, Observer, StoreFailed};
use soiree::{
    BaseEvent, CloseError, CloseOutboxError, Event, EventPool, ListenerOptions, Outbox, Retry,
    WeakOutbox, WorkerPool,
};
use soiree_testkit::{FaultyStore, Journal, MemoryStore, StoreFault, StoreMethod};

use super::support::{LIMIT, builder, text, wait_until};

fn observed(observer: impl Observer + 'static) -> EventPool {
    EventPool::builder()
        .pool(WorkerPool::new(2, 100).unwrap())
        .observer(observer)
        .build()
        .unwrap()
}

/// D8, D19: observers are notified of each event that is stored, and of each delivery that ends, with its outcome.
#[test]
fn observers_see_what_is_stored_and_delivered() {
    let journal = Journal::new();
    let store = builder(MemoryStore::new()).in_flight(1);
    let outbox = store.build(observed(journal.clone())).unwrap();
    let options = ListenerOptions::new()
        .durable("one")
        .retry(Retry::fixed(Duration::from_millis(1), 2))
        .filter(|event: &dyn Event| text(event) != "skip");
    outbox
        .on_with("kept.**", options, |event: &dyn Event| {
            match (text(event).as_str(), event.attempt()) {
                ("dead", _) | ("again", 1) => Err("no"),
                _ => Ok(()),
            }
        })
        .unwrap();
    outbox.start().unwrap();
    let emit = |payload: &str, id: u128| {
        let event = BaseEvent::new("kept.a", String::from(payload)).with_id(id);
        outbox.emit_event(event).unwrap();
        outbox.drain(LIMIT).unwrap();
    };
    for (payload, id) in [("ok", 1), ("ok", 1), ("skip", 2), ("again", 3), ("dead", 4)] {
        emit(payload, id);
    }
    outbox.emit("plain", 1_u64).unwrap();
    outbox.close().unwrap();
    let stored = journal.lines_starting_with("event stored");
    let expected = ["kept.a", "kept.a, duplicate", "kept.a", "kept.a", "kept.a"];
    assert_eq!(stored, expected.map(|line| format!("event stored: {line}")));
    let ended = journal.lines_starting_with("delivery ended");
    let expected = [
        "attempt 1 done",
        "attempt 1 skipped",
        "attempt 1 retried",
        "attempt 2 done",
        "attempt 1 retried",
        "attempt 2 dead",
    ];
    let expected = expected.map(|line| format!("delivery ended: one for kept.a, {line}"));
    assert_eq!(ended, expected);
    assert_eq!(journal.count("store failed"), 0);
}

/// D13: an observer is notified once when the store begins to fail, when it cannot be read, and when it fails for good.
#[test]
fn observers_see_that_the_store_fails() {
    let journal = Journal::new();
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone()).build(observed(journal.clone()));
    let outbox = outbox.unwrap();
    let emit = |payload: &str| outbox.emit("kept.a", String::from(payload));
    store.fail_next(StoreMethod::Commit, 3, StoreFault::full());
    for _ in 0..3 {
        emit("a").unwrap_err();
    }
    emit("b").unwrap();
    journal.wait_for(1, "store failed");
    store.fail_next(StoreMethod::Read, 1, StoreFault::io());
    outbox.start().unwrap();
    outbox.wake();
    journal.wait_for(2, "store failed");
    store.fail_next(StoreMethod::Commit, 1, StoreFault::unknown());
    emit("c").unwrap_err();
    journal.wait_for(3, "store failed");
    outbox.close().unwrap_err();
    let failed = journal.lines_starting_with("store failed");
    let expected = ["", "", ", for good"];
    let expected = expected.map(|end| format!("store failed: a memory store{end}"));
    assert_eq!(failed, expected);
}

/// Emits, panics and closes where it should not.
struct Reckless {
    outbox: Arc<Mutex<Option<WeakOutbox>>>,
    closed: Mutex<Vec<CloseOutboxError>>,
    threads: Mutex<Vec<ThreadId>>,
}

impl Reckless {
    fn outbox(&self) -> Outbox {
        let outbox = self.outbox.lock().unwrap().clone();
        outbox.unwrap().upgrade().unwrap()
    }
}

impl Observer for Reckless {
    fn event_stored(&self, stored: &EventStored<'_>) {
        self.threads.lock().unwrap().push(thread::current().id());
        if stored.topic == "kept.a" {
            let emitted = self.outbox().emit("kept.b", String::from("from stored"));
            emitted.unwrap();
        }
        panic!("of the observer");
    }

    fn delivery_ended(&self, ended: &DeliveryEnded<'_>) {
        if ended.topic == "kept.a" {
            let emitted = self.outbox().emit("kept.b", String::from("from ended"));
            emitted.unwrap();
        }
        let closed = self.outbox().close().unwrap_err();
        self.closed.lock().unwrap().push(closed);
        panic!("of the observer");
    }

    fn store_failed(&self, _: &StoreFailed<'_>) {
        let emitted = self.outbox().emit("kept.b", String::from("from failed"));
        emitted.unwrap();
    }
}

/// D3, D18: an observer may emit durable events and panic; closing the outbox is an error there, since the close would wait for it.
#[test]
fn what_an_observer_does_holds_nothing_up() {
    let own = Arc::new(Mutex::new(None));
    let observer = Arc::new(Reckless {
        outbox: Arc::clone(&own),
        closed: Mutex::default(),
        threads: Mutex::default(),
    });
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone()).build(observed(Arc::clone(&observer)));
    let outbox = outbox.unwrap();
    *own.lock().unwrap() = Some(outbox.downgrade());
    let (sender, received) = channel();
    let one = ListenerOptions::new().durable("one");
    outbox
        .on_with("kept.**", one, move |event: &dyn Event| {
            let _ = sender.send(text(event));
        })
        .unwrap();
    outbox.start().unwrap();
    store.fail_next(StoreMethod::Commit, 1, StoreFault::full());
    outbox.emit("kept.b", String::from("fails")).unwrap_err();
    wait_until("the store has failed", || outbox.stats().stored == 1);
    outbox.emit("kept.a", String::from("own")).unwrap();
    wait_until("all are delivered", || outbox.listeners()[0].done == 4);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    let mut texts: Vec<String> = received.iter().collect();
    texts.sort();
    assert_eq!(texts, ["from ended", "from failed", "from stored", "own"]);
    let closed = observer.closed.lock().unwrap();
    assert_eq!(closed.len(), 4);
    for error in closed.iter() {
        let is_inside = matches!(
            error,
            CloseOutboxError::EventPool(CloseError::InsideListener)
        );
        assert!(is_inside, "{error}");
    }
    let threads = observer.threads.lock().unwrap();
    let own = threads.iter().filter(|id| **id == thread::current().id());
    assert_eq!(own.count(), 2, "on the emitting thread");
}

/// D2, D12: every event that is not stored counts, with the reason.
#[test]
fn rejected_events_count_by_reason() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone()).max_events(2).max_payload(8);
    let outbox = outbox.build(observed(Journal::new())).unwrap();
    let event = |payload: &str| BaseEvent::new("kept.a", String::from(payload)).with_id(1_u128);
    outbox.emit_event(event("x")).unwrap();
    outbox.emit_event(event("y")).unwrap_err();
    outbox.emit("kept.a", 7_u64).unwrap_err();
    outbox.emit("kept.a", "x".repeat(9)).unwrap_err();
    let three = ["a", "b", "c"]
        .map(|text| -> Arc<dyn Event> { Arc::new(BaseEvent::new("kept.a", String::from(text))) });
    outbox.emit_all(three.clone()).unwrap_err();
    let plain: Arc<dyn Event> = Arc::new(BaseEvent::new("plain", String::new()));
    outbox.emit_all([plain]).unwrap_err();
    store.fail_next(StoreMethod::Commit, 1, StoreFault::io());
    outbox.emit("kept.a", String::from("z")).unwrap_err();
    let rejected = outbox.stats().rejected;
    let by_reason = [
        ("conflict", rejected.conflict, 1),
        ("encode", rejected.encode, 1),
        ("too_large", rejected.too_large, 1),
        ("full", rejected.full, 3),
        ("no_codec", rejected.no_codec, 1),
        ("store", rejected.store, 1),
        ("all", rejected.total(), 8),
    ];
    for (reason, count, expected) in by_reason {
        assert_eq!(count, expected, "{reason}");
    }
    outbox.close().unwrap();
    outbox.emit("kept.a", String::from("z")).unwrap_err();
    assert_eq!(outbox.stats().rejected.closed, 1);
    outbox.emit_all(three).unwrap_err();
    assert_eq!(outbox.stats().rejected.closed, 4);
    let commits = outbox.stats().commit_events;
    assert_eq!(commits.sum, 3.0, "one stored, one in conflict, one failed");
    assert_eq!(commits.count, outbox.stats().commit_seconds.count);
}
