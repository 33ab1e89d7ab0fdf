use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Waker};
use std::thread;

use soiree::store::{Position, Store};
use soiree::{
    BaseEvent, EmitError, Event, ListenerOptions, NotStored, Soiree, SubscribeError, TypedTopic,
};
use soiree_testkit::{FaultyStore, MemoryStore, StoreFault, StoreMethod};

use super::support::{LIMIT, builder, outbox, receive, sending, soiree, wait_until};

/// D1: an emit returns after its commit, and not before.
#[test]
fn an_emit_returns_after_the_commit() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let gate = store.hold(StoreMethod::Commit);
    thread::scope(|scope| {
        let emit = scope.spawn(|| outbox.emit("kept.a", String::from("1")).unwrap());
        gate.wait_until_held(1);
        assert!(!emit.is_finished());
        gate.release();
        let stored = emit.join().unwrap();
        assert_eq!(stored.position(), Some(Position(1)));
    });
    outbox.close().unwrap();
}

/// D1: events that wait while a commit runs are committed together.
#[test]
fn what_waits_is_committed_together() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let gate = store.hold(StoreMethod::Commit);
    thread::scope(|scope| {
        let emit = || outbox.emit("kept.a", String::from("x")).unwrap();
        scope.spawn(emit);
        gate.wait_until_held(1);
        for _ in 0..20 {
            scope.spawn(emit);
        }
        while outbox.stats().queued < 20 {
            thread::yield_now();
        }
        gate.release();
    });
    assert_eq!(outbox.stats().stored, 21);
    assert_eq!(store.calls(StoreMethod::Commit), 2);
    outbox.close().unwrap();
}

/// D2: an event that was not stored comes back, and nobody gets it; later events are not affected.
#[test]
fn an_event_that_is_not_stored_comes_back_and_reaches_nobody() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let (durable, durably) = sending();
    let (ordinary, ordinarily) = sending();
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("one"), durable)
        .unwrap();
    outbox
        .on_with("kept.**", ListenerOptions::new(), ordinary)
        .unwrap();
    outbox.start().unwrap();
    store.fail_next(StoreMethod::Commit, 1, StoreFault::io());
    let error = outbox.emit("kept.a", String::from("lost")).unwrap_err();
    assert!(
        error.to_string().starts_with("kept.a was not stored: "),
        "{error}"
    );
    let text = error.into_payload().downcast_ref::<String>().cloned();
    assert_eq!(text.as_deref(), Some("lost"));
    outbox.emit("kept.a", String::from("kept")).unwrap();
    assert_eq!(receive(&durably, 1), ["kept"]);
    assert_eq!(receive(&ordinarily, 1), ["kept"]);
    outbox.close().unwrap();
    assert_eq!(
        (durably.try_iter().count(), ordinarily.try_iter().count()),
        (0, 0)
    );
}

/// D2: what cannot be written down, is too large, or has no codec is an error that says so.
#[test]
fn payloads_that_cannot_be_stored_are_errors_that_name_the_cause() {
    let outbox = builder(MemoryStore::new())
        .max_payload(3)
        .build(soiree())
        .unwrap();
    let error = outbox.emit("kept.a", 7_u32).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kept.a was not stored: the codec text cannot write the payload: the codec text writes alloc::string::String, and the payload is u32"
    );
    let error = outbox.emit("kept.a", String::from("four")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kept.a was not stored: its payload has 4 bytes, and at most 3 are permitted; raise max_payload of the outbox and of its store, or \
         emit where the data is"
    );
    let events: [Arc<dyn Event>; 1] = [Arc::new(BaseEvent::new("other", String::new()))];
    let error = outbox.emit_all(events).unwrap_err();
    assert_eq!(
        error.to_string(),
        "other was not stored: its topic is not durable; declare it with `json` or `codec` when the outbox is built"
    );
    let error = outbox.emit("kept..a", String::new()).unwrap_err();
    assert!(matches!(error, EmitError::InvalidTopic { .. }), "{error}");
    outbox.close().unwrap();
    let error = outbox.emit("kept.a", String::new()).unwrap_err();
    assert!(matches!(error, EmitError::Closed { .. }), "{error}");
}

/// D6: the same event is stored and delivered once; another one with its ID is rejected.
#[test]
fn the_same_event_is_stored_once() {
    let outbox = outbox(MemoryStore::new());
    let (listener, received) = sending();
    let (ordinary, ordinarily) = sending();
    outbox
        .on_with("kept.**", ListenerOptions::new().durable("one"), listener)
        .unwrap();
    outbox
        .on_with("kept.**", ListenerOptions::new(), ordinary)
        .unwrap();
    outbox.start().unwrap();
    let event = |text: &str| BaseEvent::new("kept.a", String::from(text)).with_id(7_u128);
    assert!(!outbox.emit_event(event("a")).unwrap().is_duplicate());
    let again = outbox.emit_event(event("a")).unwrap();
    assert!(again.is_duplicate() && again.local.is_none());
    let error = outbox.emit_event(event("b")).unwrap_err();
    let EmitError::NotStored { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(source, NotStored::Conflict { .. }), "{error}");
    let report = (&outbox as &dyn Soiree)
        .emit_event(event("a"))
        .unwrap()
        .wait();
    assert_eq!(report.delivered(), 0);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    assert_eq!(received.iter().collect::<Vec<_>>(), ["a"]);
    assert_eq!(ordinarily.iter().collect::<Vec<_>>(), ["a"]);
}

/// D12: no more events are stored than permitted, and acknowledged ones make room once they are swept.
#[test]
fn a_full_store_rejects_and_says_that_it_is_full() {
    let outbox = builder(MemoryStore::new())
        .max_events(2)
        .build(soiree())
        .unwrap();
    let emit = || outbox.emit("kept.a", String::from("x"));
    emit().unwrap();
    emit().unwrap();
    let error = emit().unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(
        error.to_string(),
        "kept.a was not stored: 2 events are stored already; emit it again once listeners have ended some, or raise max_events of the \
         outbox"
    );
    assert_eq!(outbox.stats().rejected.total(), 1);
    outbox.close().unwrap();
}

/// D12: `try_emit` does not queue beyond the capacity.
#[test]
fn a_try_emit_is_rejected_while_the_queue_is_full() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone())
        .queue_capacity(1)
        .build(soiree())
        .unwrap();
    let gate = store.hold(StoreMethod::Commit);
    thread::scope(|scope| {
        let emit = || outbox.emit("kept.a", String::from("x")).unwrap();
        scope.spawn(emit);
        gate.wait_until_held(1);
        scope.spawn(emit);
        while outbox.stats().queued < 1 {
            thread::yield_now();
        }
        let error = outbox.try_emit("kept.a", String::from("y")).unwrap_err();
        assert!(error.is_full(), "{error}");
        let soiree: &dyn Soiree = &outbox;
        let event = BaseEvent::new("kept.a", String::from("y"));
        assert!(soiree.try_emit_event(event).unwrap_err().is_full());
        gate.release();
    });
    assert_eq!(outbox.stats().stored, 2);
    outbox.close().unwrap();
}

/// D12: `try_emit` queues no more bytes than permitted, but an event of any size if nothing waits. What a dropped future has queued does not
/// count.
#[test]
fn a_try_emit_is_rejected_while_the_queue_has_too_many_bytes() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = builder(store.clone()).queue_bytes(10);
    let outbox = outbox.build(soiree()).unwrap();
    let text = |bytes: usize| "x".repeat(bytes);
    outbox.try_emit("kept.a", text(50)).unwrap();
    let gate = store.hold(StoreMethod::Commit);
    thread::scope(|scope| {
        scope.spawn(|| outbox.emit("kept.a", text(1)).unwrap());
        gate.wait_until_held(1);
        let mut dropped = outbox.emit_async("kept.a", text(1_000));
        let mut context = Context::from_waker(Waker::noop());
        assert!(dropped.as_mut().poll(&mut context).is_pending());
        let error = outbox.try_emit("kept.a", text(1)).unwrap_err();
        let words = "1 events with 1000 bytes wait to be stored already";
        assert!(error.to_string().contains(words), "{error}");
        drop(dropped);
        assert_eq!(outbox.stats().queued, 0);
        scope.spawn(|| outbox.emit("kept.a", text(8)).unwrap());
        wait_until("it is queued", || outbox.stats().queued == 1);
        let error = outbox.try_emit("kept.a", text(3)).unwrap_err();
        assert!(error.is_full(), "{error}");
        scope.spawn(|| outbox.try_emit("kept.a", text(2)).unwrap());
        wait_until("it is queued", || outbox.stats().queued == 2);
        gate.release();
    });
    assert_eq!(outbox.stats().stored, 4);
    outbox.close().unwrap();
}

/// D1: several events are stored together, or none of them.
#[test]
fn events_that_are_emitted_together_are_stored_together() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let events = || {
        ["a", "b"].map(|text| -> Arc<dyn Event> {
            Arc::new(BaseEvent::new("kept.a", String::from(text)))
        })
    };
    store.fail_next(StoreMethod::Commit, 1, StoreFault::full());
    assert!(outbox.emit_all(events()).unwrap_err().is_full());
    let stored = outbox.emit_all(events()).unwrap();
    let positions: Vec<_> = stored
        .iter()
        .map(|stored| stored.as_ref().unwrap().position().unwrap().0)
        .collect();
    assert_eq!(positions, [1, 2]);
    outbox.close().unwrap();
}

/// D6: an event whose ID is taken by another one is an error of its own, and holds up no event that is emitted with it.
#[test]
fn a_conflict_is_the_only_event_of_its_transaction_that_is_not_stored() {
    let outbox = outbox(MemoryStore::new());
    let event = |id: u128, text: &str| -> Arc<dyn Event> {
        Arc::new(BaseEvent::new("kept.a", String::from(text)).with_id(id))
    };
    outbox.emit_all([event(1, "one")]).unwrap();
    let together = [
        event(2, "two"),
        event(1, "other"),
        event(1, "one"),
        event(3, "three"),
    ];
    let stored = pollster::block_on(outbox.emit_all_async(together)).unwrap();
    let outcomes: Vec<_> = stored
        .iter()
        .map(|stored| match stored {
            Ok(stored) if stored.is_duplicate() => "duplicate",
            Ok(_) => "stored",
            Err(error) if error.to_string().contains("is stored already") => "conflict",
            Err(_) => "another error",
        })
        .collect();
    assert_eq!(outcomes, ["stored", "conflict", "duplicate", "stored"]);
    assert_eq!(outbox.stats().stored, 3);
    assert!(outbox.emit_all([]).unwrap().is_empty());
    outbox.close().unwrap();
}

/// D1: an emit in async code needs no runtime, and is stored when it is ready.
#[test]
fn an_async_emit_is_stored_when_it_is_ready() {
    let outbox = outbox(MemoryStore::new());
    let stored = pollster::block_on(outbox.emit_async("kept.a", String::from("x"))).unwrap();
    assert_eq!(stored.position(), Some(Position(1)));
    let passed = pollster::block_on(outbox.emit_async("other", 7_u32)).unwrap();
    assert!(passed.event.is_none());
    pollster::block_on(outbox.close_async()).unwrap();
    let error = pollster::block_on(outbox.emit_async("kept.a", String::new())).unwrap_err();
    assert!(matches!(error, EmitError::Closed { .. }), "{error}");
}

/// D2: an async emit that was dropped before the writer has taken it is not stored.
#[test]
fn an_async_emit_that_is_dropped_in_the_queue_is_not_stored() {
    let store = FaultyStore::new(MemoryStore::new());
    let outbox = outbox(store.clone());
    let gate = store.hold(StoreMethod::Commit);
    thread::scope(|scope| {
        scope.spawn(|| outbox.emit("kept.a", String::from("first")).unwrap());
        gate.wait_until_held(1);
        let mut dropped = outbox.emit_async("kept.a", String::from("dropped"));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(dropped.as_mut().poll(&mut context).is_pending());
        assert_eq!(outbox.stats().queued, 1);
        drop(dropped);
        assert_eq!(outbox.stats().queued, 0);
        gate.release();
    });
    outbox.close().unwrap();
    assert_eq!(outbox.stats().stored, 1);
}

/// D3: a bare emit on a durable topic would pass durable listeners by, so it is rejected; other topics pass through.
#[test]
fn the_event_pool_rejects_durable_topics_and_keeps_the_others() {
    let soiree = soiree();
    let outbox = builder(MemoryStore::new()).build(soiree.clone()).unwrap();
    let error = soiree.emit("kept.a", String::new()).unwrap_err();
    assert!(matches!(error, EmitError::Reserved { .. }), "{error}");
    let (listener, received) = sending();
    outbox
        .on_with("other", ListenerOptions::new(), listener)
        .unwrap();
    outbox.emit("other", String::from("passed")).unwrap();
    assert_eq!(receive(&received, 1), ["passed"]);
    assert_eq!(outbox.stats().stored, 0);
    outbox.close().unwrap();
}

/// D3: listeners that could not keep the promise are rejected, with the name.
#[test]
fn durable_listeners_that_cannot_be_kept_are_errors() {
    let outbox = outbox(MemoryStore::new());
    let subscribe = |pattern: &str, options: ListenerOptions| {
        outbox.on_with(pattern, options, |_: &dyn Event| {})
    };
    let durable = || ListenerOptions::new().durable("one");
    subscribe("kept.*", durable()).unwrap();
    let error = subscribe("kept.*", durable()).unwrap_err();
    assert!(
        matches!(error, SubscribeError::DurableNameTaken { .. }),
        "{error}"
    );
    let error = subscribe("kept.*", ListenerOptions::new().durable("two").once()).unwrap_err();
    assert!(
        matches!(error, SubscribeError::DurableWithRunLimit { .. }),
        "{error}"
    );
    let error = subscribe("other", ListenerOptions::new().durable("two")).unwrap_err();
    assert!(
        matches!(error, SubscribeError::NoDurableTopic { .. }),
        "{error}"
    );
    outbox.close().unwrap();
}

/// D1: whichever way `emit_sync` is called, an event on a durable topic is in the store when its ordinary listeners are called, and one on
/// another topic never is.
#[test]
fn an_emit_sync_stores_what_is_durable_and_passes_on_the_rest() {
    let store = MemoryStore::new();
    let outbox = outbox(store.clone());
    let (sender, stored) = channel();
    let listener = move |_: &dyn Event| sender.send(store.size().unwrap().events).unwrap();
    outbox
        .on_with("**", ListenerOptions::new(), listener)
        .unwrap();
    let soiree: &dyn Soiree = &outbox;
    let kept = TypedTopic::<String>::new("kept.typed");
    let plain = TypedTopic::<String>::new("plain.typed");
    let text = || String::from("x");
    let delivered = [
        outbox.emit_sync("kept.a", text()).unwrap().delivered(),
        outbox.emit_sync("plain.a", text()).unwrap().delivered(),
        soiree.emit_sync("kept.b", text()).unwrap().delivered(),
        soiree.emit_sync("plain.b", text()).unwrap().delivered(),
        kept.emit_sync(soiree, text()).unwrap().delivered(),
        plain.emit_sync(soiree, text()).unwrap().delivered(),
    ];
    assert_eq!(delivered, [1; 6]);
    assert_eq!(stored.try_iter().collect::<Vec<_>>(), [1, 1, 2, 2, 3, 3]);
    outbox.close().unwrap();
    let rejected = outbox.emit_sync("plain.a", text()).unwrap_err();
    assert_eq!(
        rejected.into_payload().downcast_ref::<String>(),
        Some(&text())
    );
}
