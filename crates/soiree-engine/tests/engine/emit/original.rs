//! What the original's own tests ask for, as behaviour.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use soiree::EventPool;
use soiree_core::{BaseEvent, Event, Payload, Priority, Properties, Value};
use soiree_engine::Soiree;

use crate::support::{BoxResult, Diary};

/// T1
#[test]
fn wildcards_fan_out() -> BoxResult {
    let soiree = EventPool::new();
    let diary = Diary::default();
    let patterns = [
        "event.some.*.*",
        "event.some.*.run",
        "event.some.**",
        "**.thing.run",
    ];
    for pattern in patterns {
        let diary = diary.clone();
        soiree.on(pattern, move |_| diary.note(pattern))?;
    }
    soiree.emit("event.some.thing.run", ())?.wait();
    assert_eq!(diary.take(), patterns);
    soiree.emit("event.some.thing.do", ())?.wait();
    assert_eq!(diary.take(), ["event.some.*.*", "event.some.**"]);
    soiree.emit("event.some.thing", ())?.wait();
    assert_eq!(diary.take(), ["event.some.**"]);
    Ok(())
}

/// T3
#[test]
fn topics_are_found_while_they_have_a_listener_or_a_handle() -> BoxResult {
    let soiree = EventPool::new();
    assert!(soiree.topic("t").is_err());
    let topic = soiree.ensure_topic("t")?;
    assert_eq!(soiree.topic("t")?, topic);
    assert_ne!(soiree.ensure_topic("u")?, topic);
    let id = topic.add_listener(|_| {})?;
    assert_eq!((topic.name(), topic.len()), ("t", 1));
    drop(topic);
    assert_eq!(soiree.topic("t")?.len(), 1);
    soiree.topic("t")?.remove_listener(&id)?;
    assert!(soiree.topic("t").is_err());
    assert!(soiree.off("t", &id).is_err());
    Ok(())
}

/// L1
#[test]
fn triggering_a_topic_calls_its_listeners_alone() -> BoxResult {
    let soiree = EventPool::new();
    soiree.on("**", |_| panic!("not of this topic"))?;
    let topic = soiree.ensure_topic("t")?;
    topic.add_listener(|_| Ok::<(), &str>(()))?;
    topic.add_listener_with(Priority::Low, |_| Err::<(), _>("listener error 2"))?;
    let report = topic.trigger(&BaseEvent::new("t", ()))?;
    assert_eq!((report.delivered, report.errors.len()), (2, 1));
    assert!(report.errors[0].to_string().contains("listener error 2"));
    Ok(())
}

/// E1
#[test]
fn ids_come_from_the_generator() -> BoxResult {
    let soiree = EventPool::builder()
        .id_generator(|| "customID")
        .build()
        .unwrap();
    let id = soiree.on("t", |_| {})?;
    assert_eq!(id.as_str(), "customID");
    assert!(
        soiree.on("t", |_| {}).is_err(),
        "an ID names one listener of a pattern"
    );
    soiree.on("u", |_| {})?;
    soiree.set_id_generator(|| String::from("other"));
    assert_eq!(soiree.on("t", |_| {})?.as_str(), "other");
    soiree.off("t", &id)?;
    Ok(())
}

/// L2
#[test]
fn events_carry_what_listeners_set() -> BoxResult {
    let soiree = EventPool::new();
    soiree.on_with("t", Priority::High, |event| {
        assert_eq!(*event.payload_as::<u8>().unwrap(), 1);
        event.set_payload(Payload::new("changed"));
        event.set_properties(event.properties().set("seen", true));
        event.set_aborted(true);
        event.set_aborted(false);
    })?;
    let ids = Diary::default();
    let seen = ids.clone();
    soiree.on("t", move |event| {
        assert_eq!(*event.payload_as::<&str>().unwrap(), "changed");
        assert_eq!(event.properties(), Properties::new().set("seen", true));
        seen.note(event.id().to_string());
    })?;
    assert!(soiree.emit("t", 1_u8)?.wait().is_ok());
    assert!(soiree.emit_sync("t", 1_u8)?.is_ok());
    let own = BaseEvent::new("t", 1_u8).with_id(7_u128);
    assert!(soiree.emit_event_sync(&own)?.is_ok());
    assert_eq!(own.payload().downcast_ref(), Some(&"changed"));
    assert!(soiree.emit_event(BaseEvent::new("t", 1_u8))?.wait().is_ok());
    let ids = ids.take();
    assert_eq!(ids[2], "00000000000000000000000007");
    assert!(ids[0] != ids[1] && ids[0] != ids[3]);
    Ok(())
}

/// E1: an emitted handle is handed on as what it holds.
#[test]
fn properties_and_payloads_chain_compare_and_do_not_nest() -> BoxResult {
    let properties = Properties::new().set("a", 1).set("b", "two").set("c", 3.0);
    assert_eq!(
        properties,
        [
            ("c", Value::from(3.0)),
            ("b", "two".into()),
            ("a", 1.into())
        ]
        .into_iter()
        .collect()
    );
    assert_ne!(properties, properties.clone().set("a", 2));
    let soiree = EventPool::new();
    soiree.on("t", |event| {
        event.payload_as::<u8>().map(drop).ok_or("nested")
    })?;
    let erased: &dyn Soiree = &soiree;
    assert!(soiree.emit("t", Payload::new(1_u8))?.wait().is_ok());
    assert!(erased.emit("t", 1_u8)?.wait().is_ok());
    assert!(erased.emit_sync("t", Payload::new(1_u8))?.is_ok());
    Ok(())
}

/// P2, E1
#[test]
fn ten_threads_emit_at_once() -> BoxResult {
    let soiree = EventPool::new();
    let count = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&count);
    soiree.on("t", move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
    })?;
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| assert_eq!(soiree.emit("t", ()).unwrap().wait().delivered, 1));
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 10);
    Ok(())
}
