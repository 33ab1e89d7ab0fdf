//! Emits that must be stored.

use std::sync::Arc;

use pollster::block_on;
use soiree::{BaseEvent, EmitError, Event, ListenerOptions, NotStored, Outbox, Soiree, TypedTopic};
use soiree_testkit::{FaultyStore, MemoryStore, StoreMethod};

use super::support::{builder, outbox, receive, sending, soiree};

/// Every way to emit on this topic, and the error of each.
fn every_emit(outbox: &Outbox, topic: &'static str) -> Vec<Result<(), EmitError>> {
    let text = || String::from("x");
    let event = || BaseEvent::new(topic, text());
    let typed = TypedTopic::<String>::new(topic);
    let soiree: &dyn Soiree = outbox;
    vec![
        outbox.emit(topic, text()).map(drop),
        outbox.try_emit(topic, text()).map(drop),
        block_on(outbox.emit_async(topic, text())).map(drop),
        outbox.emit_sync(topic, text()).map(drop),
        outbox.emit_event(event()).map(drop),
        block_on(outbox.emit_event_async(event())).map(drop),
        soiree.emit(topic, text()).map(drop),
        soiree.try_emit(topic, text()).map(drop),
        soiree.emit_sync(topic, text()).map(drop),
        block_on(soiree.emit_async(topic, text())).map(drop),
        soiree.emit_event(event()).map(drop),
        typed.emit(soiree, text()).map(drop).map_err(Into::into),
        typed
            .emit_sync(soiree, text())
            .map(drop)
            .map_err(Into::into),
    ]
    .into_iter()
    .chain(must_be_durable(outbox, topic))
    .collect()
}

/// Every way to emit on a topic that must be durable, and the error of each.
fn must_be_durable(outbox: &Outbox, topic: &'static str) -> Vec<Result<(), EmitError>> {
    let text = || String::from("x");
    let event = || BaseEvent::new(topic, text());
    let shared = || -> [Arc<dyn Event>; 1] { [Arc::new(event())] };
    let typed = TypedTopic::<String>::new(topic);
    let stored = typed.try_emit_durable(outbox, text());
    vec![
        outbox.emit_durable(topic, text()).map(drop),
        outbox.try_emit_durable(topic, text()).map(drop),
        block_on(outbox.emit_durable_async(topic, text())).map(drop),
        outbox.emit_all(shared()).map(drop),
        block_on(outbox.emit_all_async(shared())).map(drop),
        outbox.encode(&event()).map(drop),
        typed
            .emit_durable(outbox, text())
            .map(drop)
            .map_err(Into::into),
        stored.map(drop).map_err(Into::into),
        block_on(typed.emit_durable_async(outbox, text()))
            .map(drop)
            .map_err(Into::into),
    ]
}

/// Each is this error, and has its payload.
#[track_caller]
fn all_are(emits: Vec<Result<(), EmitError>>, expected: &str) {
    for (index, emitted) in emits.into_iter().enumerate() {
        let error = emitted.unwrap_err();
        assert_eq!(error.to_string(), expected, "emit {index}");
        let text = error.into_payload().downcast::<String>();
        assert_eq!(text.unwrap(), "x", "emit {index}");
    }
}

/// D2: an emit that must be stored reaches nobody if its topic is not durable, and the payload is back.
#[test]
fn a_topic_that_must_be_durable_and_is_not_is_an_error() {
    let outbox = outbox(MemoryStore::new());
    let (listener, received) = sending();
    outbox
        .on_with("**", ListenerOptions::new(), listener)
        .unwrap();
    let not_durable = "plain was not stored: its topic is not durable; declare it with `json` or `codec` when the outbox is built";
    let emits = must_be_durable(&outbox, "plain");
    let rejected = emits.len() as u64;
    all_are(emits, not_durable);
    assert_eq!(outbox.stats().rejected.no_codec, rejected);
    let stored = outbox.emit_durable("kept.a", String::from("kept")).unwrap();
    assert_eq!(stored.position().map(|position| position.0), Some(1));
    assert_eq!(receive(&received, 1), ["kept"]);
    outbox.close().unwrap();
    assert_eq!(received.try_iter().count(), 0);
}

/// D2: what a strict outbox would not store for somebody is an error, whichever way it is emitted, and reaches nobody.
#[test]
fn a_strict_outbox_rejects_what_it_would_store_for_nobody() {
    let outbox = builder(MemoryStore::new()).strict(true);
    let outbox = outbox.build(soiree()).unwrap();
    let (ordinary, ordinarily) = sending();
    outbox
        .on_with("**", ListenerOptions::new(), ordinary)
        .unwrap();
    outbox.start().unwrap();
    let not_durable = "plain was not stored: its topic is not durable; declare it with `json` or `codec` when the outbox is built";
    let emits = every_emit(&outbox, "plain");
    let rejected = emits.len() as u64;
    all_are(emits, not_durable);
    let no_listener = "kept.a was not stored: no durable listener matches; subscribe one through the outbox, with `ListenerOptions::durable`, or build it without `strict`";
    all_are(every_emit(&outbox, "kept.a"), no_listener);
    let stats = outbox.stats();
    let figures = (stats.rejected.no_codec, stats.rejected.no_listener);
    assert_eq!((figures, stats.stored), ((rejected, rejected), 0));
    assert_eq!(ordinarily.try_iter().count(), 0);
    let malformed = outbox.emit("kept..a", String::new()).unwrap_err();
    assert!(
        matches!(malformed, EmitError::InvalidTopic { .. }),
        "{malformed}"
    );
    outbox.close().unwrap();
}

/// D1: a strict outbox stores what a durable listener matches, as long as it is subscribed.
#[test]
fn a_strict_outbox_stores_what_a_durable_listener_matches() {
    let outbox = builder(MemoryStore::new()).strict(true);
    let outbox = outbox.build(soiree()).unwrap();
    let (listener, received) = sending();
    let one = ListenerOptions::new().durable("one");
    let id = outbox.on_with("kept.*", one, listener).unwrap();
    outbox.start().unwrap();
    let emitted = every_emit(&outbox, "kept.a");
    let count = emitted.len();
    for emitted in emitted {
        emitted.unwrap();
    }
    // `encode` alone stores nothing.
    assert_eq!(receive(&received, count - 1).len(), count - 1);
    Soiree::unsubscribe(&outbox, "kept.*", &id).unwrap();
    let error = outbox.emit("kept.a", String::new()).unwrap_err();
    let EmitError::NotStored { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(source, NotStored::NoListener), "{error}");
    outbox.close().unwrap();
    assert_eq!(received.try_iter().count(), 0);
}

/// D2: a listener that is being subscribed gets only what is emitted later, so a strict outbox stores nothing for it yet.
#[test]
fn a_strict_outbox_stores_nothing_for_a_listener_that_is_not_there_yet() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone()).strict(true);
    let outbox = outbox.build(soiree()).unwrap();
    outbox.start().unwrap();
    let (listener, received) = sending();
    let emit = |text: &str| outbox.emit("kept.a", String::from(text));
    let gate = store.hold(StoreMethod::Claim);
    std::thread::scope(|scope| {
        let one = ListenerOptions::new().durable("one");
        let outbox = &outbox;
        let subscribed = scope.spawn(move || outbox.on_with("kept.*", one, listener));
        gate.wait_until_held(1);
        let error = emit("too early").unwrap_err();
        assert!(error.to_string().contains("no durable listener"), "{error}");
        gate.release();
        subscribed.join().unwrap().unwrap();
    });
    emit("in time").unwrap();
    assert_eq!(receive(&received, 1), ["in time"]);
    outbox.close().unwrap();
    assert_eq!(received.try_iter().count(), 0);
}
