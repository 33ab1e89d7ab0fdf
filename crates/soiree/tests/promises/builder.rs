//! What a builder builds, and what it rejects.

use std::sync::mpsc::channel;
use std::thread;

use soiree::{Builder, BulkheadError, EventPool, KeyOrder, WorkerPool};

use crate::support::{TIME_LIMIT, TestResult, worker_pool};

/// T1: the error names them.
#[test]
fn invalid_bulkheads_and_routes_are_rejected() {
    let builder = || {
        EventPool::builder()
            .bulkhead("a", worker_pool("a", 1, 1))
            .bulkhead("b", worker_pool("b", 1, 1))
    };
    let message = |builder: Builder| builder.build().map(drop).unwrap_err().to_string();
    let tie = message(builder().route("x.*", "a").route("*.y", "b"));
    assert!(
        tie.contains("x.* to \"a\"") && tie.contains("*.y to \"b\""),
        "{tie}"
    );
    let same = message(builder().route("x.**.y", "a").route("x.**.**.y", "b"));
    assert!(same.contains("x.**.y to \"a\""), "two spellings: {same}");
    let unknown = message(builder().route("x.*", "c"));
    assert!(
        unknown.contains("\"c\"") && unknown.contains("[\"a\", \"b\"]"),
        "{unknown}"
    );
    let malformed = message(builder().route("x..y", "a"));
    assert!(malformed.contains("byte 2"), "{malformed}");
    assert!(message(builder().bulkhead("a", worker_pool("a", 1, 1))).contains("\"a\" already"));
    assert!(message(builder().bulkhead("default", worker_pool("a", 1, 1))).contains("\"default\""));
    assert!(message(builder().bulkhead("", worker_pool("a", 1, 1))).contains("\"\""));

    let soiree = builder().route("x.*", "a").build().unwrap();
    let tie = soiree.add_route("*.y", "b").unwrap_err();
    assert!(matches!(tie, BulkheadError::Ambiguous { .. }));
    soiree.close().unwrap();
    let closed = soiree
        .add_bulkhead("c", worker_pool("c", 1, 1))
        .unwrap_err();
    assert_eq!(closed, BulkheadError::Closed);
}

/// T1: a route may come before its bulkhead; one pattern cannot lead to two pools.
#[test]
fn a_builder_accepts_bulkheads_and_routes_in_any_order() {
    let soiree = EventPool::builder()
        .route("export.**", "bulk")
        .route("export.**", "bulk")
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("bulk", worker_pool("bulk", 1, 8))
        .build()
        .unwrap();
    let (sender, name) = channel();
    soiree
        .on("export.*", move |_| {
            sender
                .send(thread::current().name().map(String::from))
                .unwrap();
        })
        .unwrap();
    soiree.emit("export.csv", ()).unwrap();
    assert_eq!(name.recv_timeout(TIME_LIMIT), Ok(Some("bulk-0".into())));
    soiree.close().unwrap();
    let twice = EventPool::builder()
        .route("export.**", "bulk")
        .route("export.**", "default")
        .bulkhead("bulk", worker_pool("bulk", 1, 8));
    let twice = twice.build().map(drop).unwrap_err().to_string();
    assert!(
        twice.contains("export.** to \"bulk\" and export.** to \"default\""),
        "{twice}"
    );
}

/// T1: routes are compared as patterns, in whatever order they come.
#[test]
fn two_routes_of_one_pattern_are_noticed_however_they_are_spelled() {
    let spelled = [
        ("a.**.b", "a.**.**.b"),
        ("a.**.**.b", "a.**.b"),
        ("a.**.**.b", "a.**.**.b"),
        ("a.**.**.b", "a.**.**.**.b"),
    ];
    for (first, second) in spelled {
        let routes = |to: &str| with_own().route(first, "own").route(second, to).build();
        let tie = routes("default").unwrap_err().to_string();
        let expected = "a.**.b to \"own\" and a.**.b to \"default\"";
        assert!(tie.contains(expected), "{first}, {second}: {tie}");
        routes("own").unwrap();
    }
    let soiree = with_own().route("a.**.b", "own").build().unwrap();
    soiree.add_route("a.**.**.b", "default").unwrap();
    assert_eq!(soiree.graph().routes.len(), 1, "a later route replaces it");
}

/// L8, T1: so are orders, which have nothing by which two of them could be equal.
#[test]
fn two_orders_of_one_pattern_are_noticed_however_they_are_spelled() {
    for (first, second) in [("a.**", "a.**"), ("a.**", "a.**.**"), ("a.**.**", "a.**")] {
        let by = |key: u8| KeyOrder::by(move |_| Some(key));
        let twice = EventPool::builder()
            .ordered(first, by(1))
            .ordered(second, by(2));
        let twice = twice.build().unwrap_err().to_string();
        assert!(twice.contains("the orders of a.** and a.**"), "{twice}");
        let soiree = EventPool::builder().ordered(first, by(1)).build().unwrap();
        soiree.add_order(second, by(2)).unwrap();
        assert_eq!(soiree.stats().orders.len(), 1, "a later order replaces it");
    }
}

fn with_own() -> Builder {
    EventPool::builder().bulkhead("own", worker_pool("own", 1, 16))
}

/// L6: when they are built or added, with the value and the reason.
#[test]
fn invalid_names_of_bulkheads_are_rejected() {
    let own = || WorkerPool::new(1, 1).unwrap();
    let cases: [(Builder, &str); 8] = [
        (with_own().bulkhead("", own()), "\"\" cannot be"),
        (with_own().bulkhead(" ", own()), "\" \" cannot be"),
        (with_own().bulkhead("a\0b", own()), r#""a\0b" cannot be"#),
        (
            with_own().bulkhead("default", own()),
            "\"default\" cannot be",
        ),
        (
            with_own().bulkhead("own", own()),
            "a bulkhead \"own\" already",
        ),
        (
            with_own().route("a.*", "nowhere"),
            "no bulkhead \"nowhere\"",
        ),
        (with_own().route("a..b", "own"), "the route to \"own\""),
        (
            with_own().route("a.*", "own").route("*.a", "default"),
            "a.* to \"own\" and *.a to \"default\"",
        ),
    ];
    for (builder, message) in cases {
        let text = builder.build().unwrap_err().to_string();
        assert!(text.contains(message), "{text}");
    }
    let soiree = with_own().build().unwrap();
    let rejected = soiree.add_bulkhead("\t", own()).unwrap_err();
    assert!(matches!(rejected, BulkheadError::InvalidName { .. }));
}

/// E1
#[test]
fn ids_come_from_the_generator() -> TestResult {
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
