//! `Recorder` hears what there is to hear, and says where it was not what the test says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use soiree_core::{BaseEvent, Event, Listener, PanicPayload};
use soiree_testkit::{Log, Recorder};

fn tell(recorder: &Recorder, topic: &str, payload: &'static str) {
    recorder.handle(&BaseEvent::new(topic, payload)).unwrap();
}

/// The message with which an assertion fails.
fn failure(assertion: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(assertion)).unwrap_err();
    PanicPayload::new(payload).message().to_owned()
}

/// L1
#[test]
fn what_was_heard_is_asserted_in_sentences() {
    let heard = Recorder::new();
    heard.heard_nothing();
    tell(&heard, "user.created", "Matty Ice");
    tell(&heard, "user.deleted", "Matty Ice");
    tell(&heard, "user.created", "Mitzi");
    heard.heard_exactly(["user.created", "user.deleted", "user.created"]);
    heard.heard("user.deleted").once().with(&"Matty Ice");
    let created = heard.heard("user.created").times(2);
    created.with(&"Mitzi").with(&"Matty Ice");
    assert_eq!(heard.payloads::<&str>().len(), 3);
    assert_eq!(heard.payloads::<u64>(), []);
}

/// L1
#[test]
fn a_failed_assertion_says_what_was_heard_instead() {
    let heard = Recorder::new();
    tell(&heard, "a", "one");
    assert_eq!(
        failure(|| heard.heard_nothing()),
        "nothing was to be heard, but: [\"a\"]"
    );
    assert_eq!(
        failure(|| heard.heard_exactly(["b"])),
        "[\"b\"] was to be heard, but: [\"a\"]"
    );
    assert_eq!(
        failure(|| drop(heard.heard("b"))),
        "\"b\" was to be heard, but: [\"a\"]"
    );
    assert_eq!(
        failure(|| drop(heard.heard("a").times(2))),
        "\"a\" was to be heard 2 times, and was 1 times: [\"a\"]"
    );
    assert_eq!(
        failure(|| drop(heard.heard("a").with(&"two"))),
        "\"a\" was to be heard with \"two\", but: [\"one\"]"
    );
    assert_eq!(
        failure(|| drop(heard.heard("a").with(&2_u64))),
        "\"a\" was to be heard with 2, but: [a &str]"
    );
    assert_eq!(
        failure(|| heard.wait_for_at_most(2, Duration::from_millis(1))),
        "waited 1ms for 2 events, and heard 1: [\"a\"]"
    );
}

/// L1: the assertion that fails is shown at its own line.
#[test]
fn a_failed_assertion_points_at_the_test() {
    let heard = Recorder::new();
    let (said, place) = std::sync::mpsc::channel();
    let before = std::panic::take_hook();
    let me = thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().id() == me {
            let place = info.location().map(|place| place.file().to_owned());
            let _ = said.send(place);
        } else {
            before(info);
        }
    }));
    failure(|| heard.heard_exactly(["b"]));
    failure(|| drop(heard.heard("b")));
    drop(std::panic::take_hook());
    let places: Vec<_> = place.try_iter().flatten().collect();
    assert_eq!(places, [file!(), file!()]);
}

/// L1: also when it hears from other threads.
#[test]
fn waiting_ends_when_so_many_were_heard() {
    let heard = Recorder::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            let recorder = heard.clone();
            scope.spawn(move || tell(&recorder, "t", "payload"));
        }
        heard.wait_for(3);
        heard.heard_exactly(["t", "t", "t"]);
    });
}

/// L2, L4
#[test]
fn a_recorder_fails_panics_and_aborts_as_it_was_told_to() {
    let event = BaseEvent::new("t", ());
    let failing = Recorder::failing("no");
    assert_eq!(failing.handle(&event).unwrap_err().to_string(), "no");
    let panicking = Recorder::panicking("help");
    assert_eq!(failure(|| drop(panicking.handle(&event))), "help");
    assert!(!event.is_aborted());
    let aborting = Recorder::aborting();
    aborting.handle(&event).unwrap();
    assert!(event.is_aborted());
    for recorder in [failing, panicking, aborting] {
        recorder.heard("t").once();
        assert_eq!(recorder.ids(), [event.id()]);
    }
}

/// L1
#[test]
fn recorders_of_one_log_show_who_came_first() {
    let log = Log::new();
    let audit = Recorder::new().in_log(&log, "audit");
    let mailer = Recorder::failing("down").in_log(&log, "mailer");
    tell(&audit, "a", "");
    let event = BaseEvent::new("b", ());
    assert!(mailer.handle(&event).is_err());
    tell(&audit, "c", "");
    log.heard_exactly([("audit", "a"), ("mailer", "b"), ("audit", "c")]);
    audit.heard_exactly(["a", "c"]);
    mailer.heard_exactly(["b"]);
    let said = failure(|| log.heard_exactly([("audit", "a")]));
    assert!(said.contains("(\"mailer\", \"b\")"), "{said}");
}

/// L1: a recorder keeps what it was called with, whatever becomes of the event.
#[test]
fn a_payload_is_kept_as_it_was() {
    let heard = Recorder::new();
    let payload = Arc::new(7_u64);
    let event = BaseEvent::new("t", Arc::clone(&payload));
    heard.handle(&event).unwrap();
    event.set_payload(soiree_core::Payload::new(()));
    heard.heard("t").with(&payload);
}
