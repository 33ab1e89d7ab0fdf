//! Failures as events.

use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Event, ListenerOptions, Retry};
use soiree_testkit::ManualPool;
use tracing::Level;

use crate::recorder::{events, numbered, record, span, spans, with_message};

/// L4: with topic and listener, inside the span of the call.
#[test]
fn errors_and_panics_are_events_in_the_span_of_the_call() {
    record();
    let soiree = EventPool::new();
    let named = |name: &str| ListenerOptions::new().name(name);
    let fails = |_: &dyn Event| Err::<(), _>("no");
    let line = line!() + 1;
    soiree.on_with("fails.*", named("failing"), fails).unwrap();
    soiree
        .on_with("fails.*", named("panicking"), |_| -> () { panic!("oops") })
        .unwrap();
    soiree
        .on_with("fails.*", named("succeeding"), |_| {})
        .unwrap();
    for topic in ["fails.here", "fails.there"] {
        match topic {
            "fails.here" => soiree.emit_sync(topic, "a secret").unwrap(),
            topic => soiree.emit(topic, "a secret").unwrap().wait(),
        };
        let traced = events(topic);
        assert_eq!(traced.len(), 2, "{traced:?}");
        for (event, name) in traced.iter().zip(["failing", "panicking"]) {
            assert_eq!((event.level, &*event.target), (Level::ERROR, "soiree"));
            assert_eq!(event.fields.get("listener"), Some(name));
            assert_eq!(event.fields.get("pattern"), Some("fails.*"));
            assert_eq!(event.fields.get("attempt"), Some("1"));
            let call = numbered(event.inside);
            assert_eq!(
                (call.name, call.fields.get("listener")),
                ("listener", Some(name))
            );
            assert_eq!(call.parent, Some(span("emission", topic).number));
        }
        assert_eq!(traced[0].fields.get("message"), Some("listener failed"));
        assert_eq!(traced[0].fields.get("error"), Some("no"));
        assert_eq!(traced[1].fields.get("message"), Some("listener panicked"));
        assert_eq!(traced[1].fields.get("panic"), Some("oops"));
        let place = traced[0].fields.get("registered_at").unwrap();
        assert!(
            place.starts_with(&format!("{}:{line}:", file!())),
            "{place}"
        );
        assert!(
            !format!("{traced:?}").contains("secret"),
            "payloads are not traced"
        );
    }
    soiree.close().unwrap();
}

/// L7: an attempt that fails is a warning, and an error if it was the last one.
#[test]
fn only_the_last_attempt_is_an_error() {
    record();
    let soiree = EventPool::new();
    let retry = Retry::fixed(Duration::from_millis(1), 3);
    let options = ListenerOptions::new().retry(retry);
    soiree
        .on_with("tried", options, |_| Err::<(), _>("no"))
        .unwrap();
    soiree.emit("tried", 1).unwrap().wait();
    let traced = events("tried");
    let levels: Vec<_> = traced
        .iter()
        .map(|event| (event.level, event.fields.get("attempt")))
        .collect();
    let expected = [
        (Level::WARN, Some("1")),
        (Level::WARN, Some("2")),
        (Level::ERROR, Some("3")),
    ];
    assert_eq!(levels, expected);
    let listeners = spans("listener", "tried");
    let calls: Vec<_> = listeners.iter().map(|span| Some(span.number)).collect();
    assert!(traced.iter().map(|event| event.inside).eq(calls));
    soiree.close().unwrap();
}

/// E2: with the reason.
#[test]
fn a_rejected_emission_is_an_event() {
    record();
    let soiree = EventPool::with_pool(ManualPool::with_capacity(0));
    soiree.emit("rejected", 1).unwrap_err();
    let event = events("rejected").remove(0);
    assert_eq!(
        (event.level, event.fields.get("pool")),
        (Level::WARN, Some("default"))
    );
    assert_eq!(
        event.fields.get("message"),
        Some("emission rejected by its pool")
    );
    assert_eq!(
        event.fields.get("error"),
        Some("the queue is full (0 waiting)")
    );
    assert_eq!(event.inside, Some(span("emission", "rejected").number));
    assert_eq!(events("rejected").len(), 1, "it was not discarded as well");
    assert!(span("emission", "rejected").is_closed);

    soiree.emit("re\njected..", 1).unwrap_err();
    let invalid = with_message("emission rejected").remove(0);
    let error = invalid.fields.get("error").unwrap();
    assert!(
        error.starts_with(r#"invalid topic "re\njected..""#),
        "{error}"
    );
    soiree.close().unwrap();
    soiree.emit_sync("rejected.late", 1).unwrap_err();
    let event = events("rejected.late").remove(0);
    let message = event.fields.get("message");
    assert_eq!(message, Some("emission rejected: the event pool is closed"));
    assert!(spans("emission", "rejected.late").is_empty());
}

/// E6, L6: emissions and listeners that their pool drops, and listeners that it rejects.
#[test]
fn jobs_that_a_pool_drops_or_rejects_are_events() {
    record();
    let (pool, http) = (ManualPool::new(), ManualPool::with_capacity(1));
    let soiree = EventPool::builder()
        .pool(pool.clone())
        .bulkhead("http", http.clone())
        .build()
        .unwrap();
    soiree.emit("dropped", 1).unwrap();
    pool.discard_next();
    let event = events("dropped").remove(0);
    assert_eq!(
        (event.level, event.fields.get("pool")),
        (Level::WARN, Some("default"))
    );
    assert_eq!(
        event.fields.get("message"),
        Some("emission discarded by its pool")
    );
    assert_eq!(event.inside, Some(span("emission", "dropped").number));
    assert!(span("emission", "dropped").is_closed);

    let on_http = ListenerOptions::new().pool("http");
    soiree
        .on_with("delegated", on_http.clone().name("dropped"), |_| {})
        .unwrap();
    soiree
        .on_with("delegated", on_http.name("rejected"), |_| {})
        .unwrap();
    soiree.emit("delegated", 1).unwrap();
    pool.run_all();
    http.discard_next();
    let traced = events("delegated");
    let facts: Vec<_> = traced
        .iter()
        .map(|event| {
            (
                event.level,
                event.fields.get("message"),
                event.fields.get("listener"),
            )
        })
        .collect();
    let expected = [
        (
            Level::WARN,
            Some("listener rejected by its pool"),
            Some("rejected"),
        ),
        (
            Level::WARN,
            Some("listener discarded by its pool"),
            Some("dropped"),
        ),
    ];
    assert_eq!(facts, expected);
    let emission = span("emission", "delegated").number;
    assert!(traced.iter().all(|event| event.inside == Some(emission)));
    assert!(
        spans("listener", "delegated").is_empty(),
        "no listener was called"
    );
    soiree.close().unwrap();
}
