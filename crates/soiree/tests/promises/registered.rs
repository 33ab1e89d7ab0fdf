//! Where in the program's source a listener was registered.

use std::panic::Location;
use std::sync::{Arc, Mutex};

use soiree::{
    BoxError, Event, EventPool, Listener, ListenerOptions, Priority, Soiree, TypedPattern,
    TypedTopic,
};

struct Fails;

impl Listener for Fails {
    fn handle(&self, _: &dyn Event) -> Result<(), BoxError> {
        Err("no".into())
    }
}

fn fails(_: &dyn Event) -> Result<(), &'static str> {
    Err("no")
}

/// The lines of this file that the failing listeners of the topic were registered at.
fn lines(soiree: &EventPool, topic: &str) -> Vec<u32> {
    let report = soiree.emit_sync(topic, 1_u8).unwrap();
    let places = report.errors().iter().map(|error| error.registered_at());
    let places: Vec<_> = places
        .map(|place| place.expect("the place is known"))
        .collect();
    assert!(places.iter().all(|place| place.file() == file!()));
    places.iter().map(|place| place.line()).collect()
}

/// L4, E1: whichever method subscribed it.
#[test]
#[rustfmt::skip]
fn an_error_names_the_line_where_its_listener_was_registered() {
    const TOPIC: TypedTopic<u8> = TypedTopic::new("typed");
    const PATTERN: TypedPattern<u8> = TypedPattern::new("typed");
    let soiree = EventPool::new();
    let group = soiree.group();
    let contract: &dyn Soiree = &soiree;
    let topic = soiree.ensure_topic("handle").unwrap();

    let first = line!() + 1;
    soiree.on("pool", fails).unwrap();
    soiree.on_with("pool", Priority::Normal, fails).unwrap();
    soiree.listen_with("pool", Priority::Normal, Fails).unwrap();
    assert_eq!(lines(&soiree, "pool"), [first, first + 1, first + 2]);

    let first = line!() + 1;
    contract.on("contract", fails).unwrap();
    contract.on_with("contract", Priority::Normal, fails).unwrap();
    assert_eq!(lines(&soiree, "contract"), [first, first + 1]);

    let first = line!() + 1;
    topic.add_listener(fails).unwrap();
    topic.add_listener_with(Priority::Normal, fails).unwrap();
    assert_eq!(lines(&soiree, "handle"), [first, first + 1]);

    let first = line!() + 1;
    TOPIC.on(&soiree, |_| Err::<(), _>("no")).unwrap();
    TOPIC.on_with(&soiree, Priority::Normal, |_, _| Err::<(), _>("no")).unwrap();
    PATTERN.on(&group, |_| Err::<(), _>("no")).unwrap();
    PATTERN.on_with(&group, Priority::Normal, |_, _| Err::<(), _>("no")).unwrap();
    assert_eq!(lines(&soiree, "typed"), [first, first + 1, first + 2, first + 3]);

    let first = line!() + 1;
    group.on("group", fails).unwrap();
    group.on_with("group", Priority::Normal, fails).unwrap();
    group.listen_with("group", Priority::Normal, Fails).unwrap();
    group.listen("group", Fails).unwrap();
    group.on_mut("group", fails).unwrap();
    group.on_mut_with("group", Priority::Normal, fails).unwrap();
    let expected: Vec<u32> = (first..first + 6).collect();
    assert_eq!(lines(&soiree, "group"), expected);
    soiree.close().unwrap();
}

/// L4: with `track_caller` or `registered_at`; without either, the place is unknown.
#[test]
fn a_wrapper_can_pass_its_caller_on() {
    #[track_caller]
    fn tracked(soiree: &EventPool) {
        soiree.on("a", fails).unwrap();
    }
    #[track_caller]
    fn explicit(soiree: &EventPool) {
        let options = ListenerOptions::new().registered_at(Location::caller());
        let subscribe = || soiree.on_with("a", options, fails);
        subscribe().unwrap();
    }
    let soiree = EventPool::new();
    let first = line!() + 1;
    tracked(&soiree);
    explicit(&soiree);
    assert_eq!(lines(&soiree, "a"), [first, first + 1]);

    let options = ListenerOptions::new();
    soiree.subscribe("b", options, Arc::new(fails)).unwrap();
    let report = soiree.emit_sync("b", ()).unwrap();
    assert_eq!(report.errors()[0].registered_at(), None);
    soiree.close().unwrap();
}

/// L4: error messages and the panic handler get the place as well.
#[test]
fn panics_and_messages_name_the_place_where_the_listener_was_registered() {
    let soiree = EventPool::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let places = Arc::clone(&seen);
    soiree.set_panic_handler(move |panic| {
        let seen = (panic.registered_at, panic.to_string());
        places.lock().unwrap().push(seen);
    });
    let line = line!() + 1;
    soiree.on("a", |_| -> () { panic!("oops") }).unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    let (place, panic) = seen.lock().unwrap()[0].clone();
    let place = place.expect("the place is known");
    assert_eq!((place.file(), place.line()), (file!(), line));
    assert_eq!(report.errors()[0].registered_at(), Some(place));
    let text = report.errors()[0].to_string();
    let expected = format!(
        "on a (registered at {}:{line}) panicked for a: oops",
        file!()
    );
    assert!(text.ends_with(&expected), "{text}");
    assert_eq!(panic, text);
    soiree.close().unwrap();
}
