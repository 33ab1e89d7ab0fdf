//! `Recorder` and `Log` record every event, and their assertions fail with a message that shows what was received.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use soiree_core::{BaseEvent, Event, Listener, PanicPayload};
use soiree_testkit::{Log, Recorder};

fn send(recorder: &Recorder, topic: &str, payload: &'static str) {
    recorder.handle(&BaseEvent::new(topic, payload)).unwrap();
}

/// The message of a failed assertion.
fn failure(assertion: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(assertion)).unwrap_err();
    PanicPayload::new(payload).message().to_owned()
}

/// L1
#[test]
fn assertions_pass_if_the_events_were_received() {
    let recorder = Recorder::new();
    recorder.assert_no_events();
    send(&recorder, "user.created", "Matty Ice");
    send(&recorder, "user.deleted", "Matty Ice");
    send(&recorder, "user.created", "Mitzi");
    recorder.assert_topics(["user.created", "user.deleted", "user.created"]);
    recorder
        .assert_received("user.deleted")
        .once()
        .with(&"Matty Ice");
    let created = recorder.assert_received("user.created").times(2);
    created.with(&"Mitzi").with(&"Matty Ice");
    assert_eq!(recorder.payloads::<&str>().len(), 3);
    assert!(recorder.payloads::<u64>().is_empty());
}

/// L1
#[test]
fn a_failed_assertion_shows_what_was_received() {
    let recorder = Recorder::new();
    send(&recorder, "a", "one");
    assert_eq!(
        failure(|| recorder.assert_no_events()),
        "expected no events, but received [\"a\"]"
    );
    assert_eq!(
        failure(|| recorder.assert_topics(["b"])),
        "expected [\"b\"], but received [\"a\"]"
    );
    assert_eq!(
        failure(|| drop(recorder.assert_received("b"))),
        "expected \"b\", but received [\"a\"]"
    );
    assert_eq!(
        failure(|| drop(recorder.assert_received("a").times(2))),
        "expected \"a\" 2 times, but received it 1 times: [\"a\"]"
    );
    assert_eq!(
        failure(|| drop(recorder.assert_received("a").with(&"two"))),
        "expected \"a\" with \"two\", but received it with [\"one\"]"
    );
    assert_eq!(
        failure(|| drop(recorder.assert_received("a").with(&2_u64))),
        "expected \"a\" with 2, but received it with [a &str]"
    );
    assert_eq!(
        failure(|| recorder.wait_for_timeout(2, Duration::from_millis(1))),
        "waited 1ms for 2 events, but received 1: [\"a\"]"
    );
}

/// L1: the panic has the location of the assertion in the test.
#[test]
fn a_failed_assertion_points_at_the_test() {
    let recorder = Recorder::new();
    let (sender, locations) = std::sync::mpsc::channel();
    let default_hook = std::panic::take_hook();
    let me = thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().id() == me {
            let file = info.location().map(|location| location.file().to_owned());
            let _ = sender.send(file);
        } else {
            default_hook(info);
        }
    }));
    failure(|| recorder.assert_topics(["b"]));
    failure(|| drop(recorder.assert_received("b")));
    drop(std::panic::take_hook());
    let files: Vec<_> = locations.try_iter().flatten().collect();
    assert_eq!(files, [file!(), file!()]);
}

/// L1: events from other threads count as well.
#[test]
fn wait_for_returns_after_that_many_events() {
    let recorder = Recorder::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            let recorder = recorder.clone();
            scope.spawn(move || send(&recorder, "t", "payload"));
        }
        recorder.wait_for(3);
        recorder.assert_topics(["t", "t", "t"]);
    });
}

/// L2, L4
#[test]
fn a_recorder_fails_panics_or_aborts_as_created() {
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
        recorder.assert_received("t").once();
        assert_eq!(recorder.ids(), [event.id()]);
    }
}

/// L1
#[test]
fn a_shared_log_shows_the_order_of_its_recorders() {
    let log = Log::new();
    let audit = Recorder::new().in_log(&log, "audit");
    let mailer = Recorder::failing("down").in_log(&log, "mailer");
    send(&audit, "a", "");
    let event = BaseEvent::new("b", ());
    assert!(mailer.handle(&event).is_err());
    send(&audit, "c", "");
    log.assert_entries([("audit", "a"), ("mailer", "b"), ("audit", "c")]);
    audit.assert_topics(["a", "c"]);
    mailer.assert_topics(["b"]);
    let message = failure(|| log.assert_entries([("audit", "a")]));
    assert!(message.contains("(\"mailer\", \"b\")"), "{message}");
}

/// L1: a recorder keeps the payload of the call, even if the event gets another one later.
#[test]
fn a_payload_is_kept_as_it_was_at_the_call() {
    let recorder = Recorder::new();
    let payload = Arc::new(7_u64);
    let event = BaseEvent::new("t", Arc::clone(&payload));
    recorder.handle(&event).unwrap();
    event.set_payload(soiree_core::Payload::new(()));
    recorder.assert_received("t").with(&payload);
}
