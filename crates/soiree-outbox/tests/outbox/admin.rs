use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use soiree::store::{ListenerState, Position};
use soiree::{BaseEvent, Event, EventId, ListenerOptions};
use soiree_testkit::MemoryStore;

use super::support::{LIMIT, outbox, text};

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
