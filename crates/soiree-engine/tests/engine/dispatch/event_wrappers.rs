//! Listeners see an event through wrappers: behind an `Arc`, in a retry, as the event of an async listener. None hides a method.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Event, EventId, ListenerOptions, Payload, Properties, Retry};

use crate::async_listener::common::{runtime, with_async};
use crate::support::{TIME_LIMIT, TestResult, on_one_worker};

/// An event that records which of its methods are called.
#[derive(Default)]
struct Probe {
    called: Mutex<BTreeSet<&'static str>>,
}

impl Probe {
    fn record(&self, method: &'static str) {
        self.called.lock().unwrap().insert(method);
    }
}

impl Event for Probe {
    fn id(&self) -> EventId {
        self.record("id");
        EventId::from(7)
    }

    fn known_id(&self) -> Option<EventId> {
        self.record("known_id");
        Some(EventId::from(7))
    }

    fn topic(&self) -> &str {
        self.record("topic");
        "t"
    }

    fn payload(&self) -> Payload {
        self.record("payload");
        Payload::new(7_u8)
    }

    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.record("payload_ref");
        Some(&7_u8)
    }

    fn set_payload(&self, _: Payload) {
        self.record("set_payload");
    }

    fn properties(&self) -> Properties {
        self.record("properties");
        Properties::new().set("seven", 7)
    }

    fn set_properties(&self, _: Properties) {
        self.record("set_properties");
    }

    fn is_aborted(&self) -> bool {
        self.record("is_aborted");
        false
    }

    fn set_aborted(&self, _: bool) {
        self.record("set_aborted");
    }

    fn abort_reason(&self) -> Option<Arc<str>> {
        self.record("abort_reason");
        None
    }

    fn set_abort_reason(&self, _: Arc<str>) {
        self.record("set_abort_reason");
    }

    fn attempt(&self) -> u32 {
        self.record("attempt");
        1
    }

    fn detached(&self) -> Option<Arc<dyn Event>> {
        self.record("detached");
        None
    }

    fn keep(&self) -> Option<Arc<dyn Event>> {
        self.record("keep");
        None
    }
}

type Call = fn(&dyn Event);

const METHODS: [(&str, Call); 15] = [
    ("id", |event| assert_eq!(event.id(), EventId::from(7))),
    ("known_id", |event| assert!(event.known_id().is_some())),
    ("topic", |event| drop(event.topic().to_owned())),
    ("payload", |event| drop(event.payload())),
    ("payload_ref", |event| {
        assert!(event.payload_ref().is_some())
    }),
    ("set_payload", |event| event.set_payload(Payload::new(1_u8))),
    ("properties", |event| drop(event.properties())),
    ("set_properties", |event| {
        event.set_properties(Properties::new());
    }),
    ("is_aborted", |event| assert!(!event.is_aborted())),
    ("set_aborted", |event| event.set_aborted(false)),
    ("abort_reason", |event| drop(event.abort_reason())),
    ("set_abort_reason", |event| {
        event.set_abort_reason("because".into());
    }),
    ("attempt", |event| assert!(event.attempt() > 0)),
    ("detached", |event| drop(event.detached())),
    ("keep", |event| drop(event.keep())),
];

/// The methods of the probe that calls of each method through a wrapper reach.
fn reached(probe: &Probe, event: &dyn Event) -> Vec<&'static str> {
    let reaches = |(method, call): &(&'static str, Call)| {
        probe.called.lock().unwrap().clear();
        call(event);
        let called = probe.called.lock().unwrap();
        called.contains(method).then_some(*method)
    };
    METHODS.iter().filter_map(reaches).collect()
}

fn all_but(hidden: &[&str]) -> Vec<&'static str> {
    let methods = METHODS.iter().map(|(method, _)| *method);
    methods.filter(|method| !hidden.contains(method)).collect()
}

/// L3: a method that the trait gets, and that no wrapper was checked for, is noticed.
#[test]
fn every_method_of_an_event_is_checked() {
    let source = include_str!("../../../../soiree-core/src/event.rs");
    let (_, rest) = source.split_once("pub trait Event: Send + Sync {").unwrap();
    let (body, _) = rest.split_once("\n}\n").unwrap();
    let declared = body.lines().filter_map(|line| line.strip_prefix("    fn "));
    let declared: Vec<&str> = declared.filter_map(|line| line.split('(').next()).collect();
    assert_eq!(declared, all_but(&[]));
}

/// L3
#[test]
fn an_event_behind_an_arc_forwards_every_method() {
    let probe = Arc::new(Probe::default());
    assert_eq!(reached(&probe, &probe), all_but(&[]));
    let erased: Arc<dyn Event> = Arc::clone(&probe) as _;
    assert_eq!(reached(&probe, &erased), all_but(&[]));
}

/// L3, L7: a retry shows the number of its own attempt.
#[test]
fn the_event_of_a_plain_listener_forwards_every_method() -> TestResult {
    let soiree = on_one_worker(8);
    let probe = Arc::new(Probe::default());
    let (sender, seen) = channel();
    let listened = Arc::clone(&probe);
    let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
    soiree.on_with("t", options, move |event| {
        sender.send(reached(&listened, event)).unwrap();
        Err::<(), _>("again")
    })?;
    soiree.emit_event(probe)?.wait();
    assert_eq!(seen.recv_timeout(TIME_LIMIT)?, all_but(&[]));
    assert_eq!(seen.recv_timeout(TIME_LIMIT)?, all_but(&["attempt"]));
    soiree.close()?;
    Ok(())
}

/// The events that an async listener gets in its two attempts.
fn async_events(emit: impl FnOnce(&EventPool)) -> [Arc<dyn Event>; 2] {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 8);
    let (sender, events) = channel();
    let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
    let listener = move |event| {
        sender.send(event).unwrap();
        async { Err::<(), _>("again") }
    };
    soiree.on_async_with("t", options, listener).unwrap();
    emit(&soiree);
    let events = [(); 2].map(|()| events.recv_timeout(TIME_LIMIT).unwrap());
    soiree.close().unwrap();
    events
}

/// L3: an event of an async listener has the topic and the attempt of its emission.
#[test]
fn the_event_of_an_async_listener_forwards_every_method() {
    const OWN: [&str; 3] = ["topic", "attempt", "detached"];
    let probe = Arc::new(Probe::default());
    let shared = Arc::clone(&probe) as Arc<dyn Event>;
    let [first, second] = async_events(|soiree| drop(soiree.emit_event(shared).unwrap()));
    assert_eq!(reached(&probe, &*first), all_but(&[]));
    assert_eq!(reached(&probe, &*second), all_but(&OWN));

    let own = Arc::clone(&probe);
    let events = async_events(|soiree| drop(soiree.emit_event(own).unwrap()));
    for event in events {
        assert_eq!(reached(&probe, &*event), all_but(&OWN));
    }
}

/// L3: an event that was emitted as a payload has one ID, one payload and one set of properties, however a listener sees it.
#[test]
fn every_listener_sees_the_same_event() -> TestResult {
    let (sender, seen) = channel();
    let async_events = async_events(move |soiree| {
        let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
        let first = soiree_core::Priority::Highest;
        let listener = move |event: &dyn Event| {
            if event.attempt() == 1 {
                assert_eq!(event.known_id(), None);
                event.set_properties(Properties::new().set("seven", 7));
                let id = event.id();
                assert_eq!(event.known_id(), Some(id));
            }
            sender.send(of(event)).unwrap();
            Err::<(), _>("again")
        };
        soiree
            .on_with("t", options.priority(first), listener)
            .unwrap();
        soiree.emit("t", 7_u8).unwrap().wait();
    });
    let expected = seen.recv_timeout(TIME_LIMIT)?;
    assert!(expected.0.is_some());
    assert_eq!(seen.recv_timeout(TIME_LIMIT)?, expected);
    for event in async_events {
        assert_eq!(of(&*event), expected);
    }
    Ok(())
}

/// What a listener sees of an event.
fn of(event: &dyn Event) -> (Option<EventId>, String, usize, Properties) {
    let address = |payload: &u8| std::ptr::from_ref(payload).addr();
    let borrowed = event
        .payload_ref()
        .and_then(<dyn Any + Send + Sync>::downcast_ref);
    let borrowed = borrowed.map(address).unwrap();
    assert_eq!(event.payload().downcast_ref().map(address), Some(borrowed));
    let topic = event.topic().to_owned();
    (event.known_id(), topic, borrowed, event.properties())
}
