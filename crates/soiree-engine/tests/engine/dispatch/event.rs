//! What listeners see and change in an event.

use soiree::EventPool;
use soiree_core::{BaseEvent, Event, Payload, Priority, Properties, Value};
use soiree_engine::Soiree;

use crate::support::{CallLog, TestResult};

/// L2
#[test]
fn events_carry_what_listeners_set() -> TestResult {
    let soiree = EventPool::new();
    soiree.on_with("t", Priority::High, |event| {
        assert_eq!(*event.payload_as::<u8>().unwrap(), 1);
        event.set_payload(Payload::new("changed"));
        event.set_properties(event.properties().set("seen", true));
        event.set_aborted(true);
        event.set_aborted(false);
    })?;
    let ids = CallLog::default();
    let seen = ids.clone();
    soiree.on("t", move |event| {
        assert_eq!(*event.payload_as::<&str>().unwrap(), "changed");
        assert_eq!(event.properties(), Properties::new().set("seen", true));
        seen.record(event.id().to_string());
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

/// E1: a payload that is emitted as a handle reaches listeners as the value inside.
#[test]
fn properties_chain_and_compare_and_payloads_do_not_nest() -> TestResult {
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

/// E1: the emitter and the listeners see the same ID, no matter which of them asks first, also after the end.
#[test]
fn an_emission_knows_the_id_of_its_event() -> TestResult {
    let soiree = EventPool::new();
    let ids = CallLog::default();
    let seen = ids.clone();
    soiree.on("t", move |event| seen.record(event.id().to_string()))?;

    let emission = soiree.emit("t", 1_u8)?;
    let asked = emission.event_id();
    emission.wait();
    assert_eq!(ids.take(), [asked.to_string()]);
    assert_eq!(emission.event_id(), asked);

    let emission = soiree.emit("t", 1_u8)?;
    emission.wait();
    assert_eq!(ids.take(), [emission.event_id().to_string()]);

    let emission = soiree.emit_event(BaseEvent::new("t", 1_u8).with_id(7_u128))?;
    assert_eq!(emission.event_id(), 7_u128.into());
    Ok(())
}
