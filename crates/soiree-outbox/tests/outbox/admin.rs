use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::codec::{Codec, Text};
use soiree::store::{ListenerState, Position, StartFrom, Store};
use soiree::{BaseEvent, BoxError, Event, EventId, KeyOrder, ListenerOptions, Outbox, Payload};
use soiree_testkit::{FaultyStore, MemoryStore, StoreMethod};

use super::support::{LIMIT, builder, outbox, receive, sending, soiree, text, wait_until};

/// D8: what failed for the last time is listed with its error, and is redriven or discarded by name.
#[test]
fn dead_events_are_listed_redriven_and_discarded() {
    let outbox = outbox(MemoryStore::new());
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    outbox
        .on_with(
            "kept.**",
            ListenerOptions::new().durable("one"),
            move |event: &dyn Event| match mended.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err(format!("no {}", text(event))),
            },
        )
        .unwrap();
    outbox.start().unwrap();
    for number in 1..=4_u128 {
        let event = BaseEvent::new("kept.a", number.to_string()).with_id(number);
        outbox.emit_event(event).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    let dead = outbox.dead_letters("one", Position::START, 10).unwrap();
    let errors: Vec<_> = dead
        .iter()
        .map(|dead| (dead.parked.attempts, dead.parked.error.clone().unwrap()))
        .collect();
    assert_eq!(errors.len(), 4);
    assert_eq!(errors[0].0, 1);
    assert!(errors[0].1.contains("no 1"), "{}", errors[0].1);
    assert_eq!(outbox.listeners()[0].dead_letters, 4);

    is_mended.store(true, Ordering::Relaxed);
    let id = EventId::from(1_u128);
    assert!(outbox.redrive("one", id).unwrap());
    outbox.drain(LIMIT).unwrap();
    assert!(!outbox.redrive("one", id).unwrap(), "it is dead no longer");
    assert!(outbox.discard("one", EventId::from(2_u128)).unwrap());
    let redriven = outbox.redrive_all("one", |dead| dead.record.event.payload == b"3");
    assert_eq!(redriven.unwrap(), 1);
    outbox.drain(LIMIT).unwrap();
    let info = &outbox.listeners()[0];
    assert_eq!((info.done, info.dead_letters), (2, 1));
    let status = outbox.event(id).unwrap().unwrap();
    assert_eq!(
        status.listeners,
        [(String::from("one"), ListenerState::Ended)]
    );
    let status = outbox.event(EventId::from(4_u128)).unwrap().unwrap();
    assert!(matches!(status.listeners[0].1, ListenerState::Parked(_)));
    assert!(outbox.event(EventId::from(99_u128)).unwrap().is_none());
    outbox.close().unwrap();
}

/// D8, D17: a damaged event is a dead letter that says so, and holds up nobody.
#[test]
fn a_damaged_event_is_a_dead_letter() {
    let store = MemoryStore::new();
    let first = outbox(store.clone());
    let one = || ListenerOptions::new().durable("one");
    first.on_with("kept.**", one(), |_: &dyn Event| {}).unwrap();
    first.emit("kept.a", String::from("1")).unwrap();
    first.emit("kept.a", String::from("2")).unwrap();
    first.close().unwrap();
    assert!(store.damage(Position(1)));
    let second = outbox(store);
    second
        .on_with("kept.**", one(), |_: &dyn Event| {})
        .unwrap();
    second.start().unwrap();
    second.drain(LIMIT).unwrap();
    let info = &second.listeners()[0];
    assert_eq!((info.done, info.dead_letters), (1, 1));
    let dead = second.dead_letters("one", Position::START, 10).unwrap();
    let error = dead[0].parked.error.as_deref().unwrap();
    assert!(error.contains("damaged"), "{error}");
    second.close().unwrap();
}

/// Text that cannot be read while it is broken.
struct Mendable(Arc<AtomicBool>);

impl Codec for Mendable {
    fn name(&self) -> &str {
        Text.name()
    }

    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, BoxError> {
        Text.encode(payload)
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Result<Payload, BoxError> {
        if self.0.load(Ordering::Relaxed) {
            return Err("broken".into());
        }
        Text.decode(name, bytes)
    }
}

/// D4, D8: an event that could not be decoded has its place in the order of its key once it was redriven and can be.
#[test]
fn a_redriven_event_that_was_unreadable_has_its_key() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let outbox = Outbox::builder(MemoryStore::new())
        .codec("kept.**", Mendable(Arc::clone(&is_broken)))
        .build(soiree())
        .unwrap();
    let (sender, received) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let ordered = ListenerOptions::new()
        .durable("one")
        .ordered(KeyOrder::by(|_| Some("same")));
    outbox
        .on_with("kept.**", ordered, move |event: &dyn Event| {
            sender.send(text(event)).unwrap();
            let _ = released.lock().unwrap().recv();
        })
        .unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("a")).unwrap();
    outbox.drain(LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].dead_letters, 1);
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(outbox.redrive_all("one", |_| true).unwrap(), 1);
    assert_eq!(receive(&received, 1), ["a"]);
    outbox.emit("kept.a", String::from("b")).unwrap();
    wait_until("both are in memory", || {
        outbox.listeners()[0].in_flight == 2
    });
    let meanwhile = received.recv_timeout(Duration::from_millis(200));
    meanwhile.expect_err("the first one runs");
    drop(release);
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    assert_eq!(received.iter().collect::<Vec<_>>(), ["b"]);
}

/// An outbox with room for two events, which are there.
fn full(store: &MemoryStore) -> Outbox {
    let outbox = builder(store.clone()).max_events(2);
    let outbox = outbox.keep(Duration::ZERO).build(soiree()).unwrap();
    let one = ListenerOptions::new().durable("one");
    let listener = |_: &dyn Event| Err::<(), _>("no");
    outbox.on_with("kept.**", one, listener).unwrap();
    outbox.start().unwrap();
    for number in 1..=2_u128 {
        let event = BaseEvent::new("kept.a", number.to_string()).with_id(number);
        outbox.emit_event(event).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    outbox
}

/// D12, D15: events that were discarded are swept although nothing else happens, and a full outbox has room again.
#[test]
fn a_full_outbox_has_room_again_once_dead_events_are_discarded() {
    let outbox = full(&MemoryStore::new());
    outbox.emit("kept.a", String::from("3")).unwrap_err();
    assert!(outbox.discard("one", EventId::from(1_u128)).unwrap());
    wait_until("it is swept", || outbox.stats().events == 1);
    outbox.emit("kept.a", String::from("3")).unwrap();
    outbox.close().unwrap();
}

/// D12, D15: so are the events of a listener that was removed.
#[test]
fn a_full_outbox_has_room_again_once_an_orphan_is_removed() {
    let store = MemoryStore::new();
    full(&store).close().unwrap();
    let outbox = builder(store).max_events(2).keep(Duration::ZERO);
    let outbox = outbox.build(soiree()).unwrap();
    // Not started: that leads to a sweep as well.
    outbox.emit("kept.a", String::from("3")).unwrap_err();
    assert!(outbox.remove_listener("one").unwrap());
    wait_until("they are swept", || outbox.stats().events == 0);
    outbox.emit("kept.a", String::from("3")).unwrap();
    outbox.close().unwrap();
}

/// D12, D15: a full outbox looks for what another process has discarded, though it takes no event that would lead to a sweep.
#[test]
fn a_full_outbox_has_room_again_once_another_process_has_discarded() {
    let store = MemoryStore::new();
    let outbox = full(&store);
    outbox.emit("kept.a", String::from("3")).unwrap_err();
    let other = store.another_process();
    other.open().unwrap();
    other.discard("one", &[Position(1)]).unwrap();
    wait_until("there is room", || {
        outbox.emit("kept.a", String::from("3")).is_ok()
    });
    outbox.close().unwrap();
}

/// D19: what waits for a listener is shown as soon as it is subscribed, though nothing is read from the store yet.
#[test]
fn what_waits_for_a_listener_is_shown_at_once() {
    let store = FaultyStore::new(MemoryStore::new());
    let first = outbox(store.clone());
    let one = || ListenerOptions::new().durable("one");
    first.on_with("kept.**", one(), |_: &dyn Event| {}).unwrap();
    for number in 0..5 {
        first.emit("kept.a", number.to_string()).unwrap();
    }
    first.close().unwrap();

    let second = outbox(store.clone());
    let gate = store.hold(StoreMethod::Read);
    second.wake();
    gate.wait_until_held(1);
    second.emit("kept.a", String::from("5")).unwrap();
    second
        .on_with("kept.**", one(), |_: &dyn Event| {})
        .unwrap();
    let listeners = second.listeners();
    let shown: Vec<_> = listeners.iter().map(|l| (l.is_held, l.waiting)).collect();
    assert_eq!(shown, [(true, 6)]);
    gate.release();
    second.close().unwrap();
}

/// D8, D15: a new listener gets all that is in the store, and nothing that was removed: no retry could be made of that.
#[test]
fn a_new_listener_gets_nothing_that_was_removed() {
    let outbox = builder(MemoryStore::new()).start_from(StartFrom::Oldest);
    let outbox = outbox.keep(Duration::ZERO).build(soiree()).unwrap();
    let one = ListenerOptions::new().durable("one");
    outbox.on_with("kept.**", one, |_: &dyn Event| {}).unwrap();
    outbox.start().unwrap();
    for number in 0..3 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    wait_until("they are removed", || outbox.stats().events == 0);

    let (listener, received) = sending();
    let late = ListenerOptions::new().durable("late");
    outbox.on_with("kept.**", late, listener).unwrap();
    outbox.emit("kept.a", String::from("3")).unwrap();
    outbox.drain(LIMIT).unwrap();
    outbox.close().unwrap();
    assert_eq!(received.iter().collect::<Vec<_>>(), ["3"]);
}
