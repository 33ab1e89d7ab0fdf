//! What goes wrong, as events.

use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Event, ListenerOptions, Retry};
use soiree_testkit::ManualPool;
use tracing::Level;

use crate::recorder::{events, numbered, record, said, span, spans};

/// L4: errors and panics are told with topic and listener, inside the span of the call.
#[test]
fn errors_and_panics_are_told_inside_the_call() {
    record();
    let soiree = EventPool::new();
    let named = |name: &str| ListenerOptions::new().name(name);
    let fails = |_: &dyn Event| Err::<(), _>("no");
    let line = line!() + 1;
    soiree.on_with("fails.*", named("failing"), fails).unwrap();
    soiree
        .on_with("fails.*", named("panicking"), |_| -> () { panic!("oops") })
        .unwrap();
    soiree.on_with("fails.*", named("sound"), |_| {}).unwrap();
    for topic in ["fails.here", "fails.there"] {
        match topic {
            "fails.here" => soiree.emit_sync(topic, "a secret").unwrap(),
            topic => soiree.emit(topic, "a secret").unwrap().wait(),
        };
        let told = events(topic);
        assert_eq!(told.len(), 2, "{told:?}");
        for (told, name) in told.iter().zip(["failing", "panicking"]) {
            assert_eq!((told.level, &*told.target), (Level::ERROR, "soiree"));
            assert_eq!(told.fields.get("listener"), Some(name));
            assert_eq!(told.fields.get("pattern"), Some("fails.*"));
            assert_eq!(told.fields.get("attempt"), Some("1"));
            let call = numbered(told.inside);
            assert_eq!(
                (call.name, call.fields.get("listener")),
                ("listener", Some(name))
            );
            assert_eq!(call.parent, Some(span("emission", topic).number));
        }
        assert_eq!(told[0].fields.get("message"), Some("listener failed"));
        assert_eq!(told[0].fields.get("error"), Some("no"));
        assert_eq!(told[1].fields.get("message"), Some("listener panicked"));
        assert_eq!(told[1].fields.get("panic"), Some("oops"));
        let place = told[0].fields.get("registered_at").unwrap();
        assert!(
            place.starts_with(&format!("{}:{line}:", file!())),
            "{place}"
        );
        assert!(
            !format!("{told:?}").contains("secret"),
            "payloads are not told"
        );
    }
    soiree.close().unwrap();
}

/// L7: an attempt that fails is a warning while there are further ones, and an error if it was the last.
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
    let told = events("tried");
    let levels: Vec<_> = told
        .iter()
        .map(|told| (told.level, told.fields.get("attempt")))
        .collect();
    let expected = [
        (Level::WARN, Some("1")),
        (Level::WARN, Some("2")),
        (Level::ERROR, Some("3")),
    ];
    assert_eq!(levels, expected);
    let listeners = spans("listener", "tried");
    let calls: Vec<_> = listeners.iter().map(|span| Some(span.number)).collect();
    assert!(told.iter().map(|told| told.inside).eq(calls));
    soiree.close().unwrap();
}

/// E2: an emission that is refused is told, with the reason.
#[test]
fn a_refused_emission_is_told() {
    record();
    let soiree = EventPool::with_pool(ManualPool::with_capacity(0));
    soiree.emit("refused", 1).unwrap_err();
    let told = events("refused").remove(0);
    assert_eq!(
        (told.level, told.fields.get("pool")),
        (Level::WARN, Some("default"))
    );
    assert_eq!(
        told.fields.get("message"),
        Some("emission refused by its pool")
    );
    assert_eq!(
        told.fields.get("error"),
        Some("the queue is full (0 waiting)")
    );
    assert_eq!(told.inside, Some(span("emission", "refused").number));
    assert_eq!(events("refused").len(), 1, "it was not discarded as well");
    assert!(span("emission", "refused").is_closed);

    soiree.emit("re\nfused..", 1).unwrap_err();
    let invalid = said("emission refused").remove(0);
    let error = invalid.fields.get("error").unwrap();
    assert!(
        error.starts_with(r#"invalid topic "re\nfused..""#),
        "{error}"
    );
    soiree.close().unwrap();
    soiree.emit_sync("refused.late", 1).unwrap_err();
    let told = events("refused.late").remove(0);
    let message = told.fields.get("message");
    assert_eq!(message, Some("emission refused: the event pool is closed"));
    assert!(spans("emission", "refused.late").is_empty());
}

/// E6, L6: what a pool drops unrun is told, be it an emission or a listener of its own; so is a listener that it refuses.
#[test]
fn what_a_pool_drops_or_refuses_is_told() {
    record();
    let (pool, http) = (ManualPool::new(), ManualPool::with_capacity(1));
    let soiree = EventPool::builder()
        .pool(pool.clone())
        .bulkhead("http", http.clone())
        .build()
        .unwrap();
    soiree.emit("dropped", 1).unwrap();
    pool.discard_next();
    let told = events("dropped").remove(0);
    assert_eq!(
        (told.level, told.fields.get("pool")),
        (Level::WARN, Some("default"))
    );
    assert_eq!(
        told.fields.get("message"),
        Some("emission discarded by its pool")
    );
    assert_eq!(told.inside, Some(span("emission", "dropped").number));
    assert!(span("emission", "dropped").is_closed);

    let on_http = ListenerOptions::new().pool("http");
    soiree
        .on_with("turned", on_http.clone().name("dropped"), |_| {})
        .unwrap();
    soiree
        .on_with("turned", on_http.name("refused"), |_| {})
        .unwrap();
    soiree.emit("turned", 1).unwrap();
    pool.run_all();
    http.discard_next();
    let told = events("turned");
    let facts: Vec<_> = told
        .iter()
        .map(|told| {
            (
                told.level,
                told.fields.get("message"),
                told.fields.get("listener"),
            )
        })
        .collect();
    let expected = [
        (
            Level::WARN,
            Some("listener refused by its pool"),
            Some("refused"),
        ),
        (
            Level::WARN,
            Some("listener discarded by its pool"),
            Some("dropped"),
        ),
    ];
    assert_eq!(facts, expected);
    let emission = span("emission", "turned").number;
    assert!(told.iter().all(|told| told.inside == Some(emission)));
    assert!(spans("listener", "turned").is_empty(), "none was called");
    soiree.close().unwrap();
}
