use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use soiree::nats::{NatsError, Publish};
use soiree::store::Position;
use soiree::{BaseEvent, Event, EventPool, ListenerOptions, Retry, TaskPool, Value};
use soiree_testkit::MemoryStore;

use super::server::Server;
use super::support::{
    LIMIT, Other, STREAM, block, bridge, builder, numbers, outbox, soiree, until,
};

fn payloads(other: &Other) -> BTreeSet<String> {
    let last = other.stream().cached_info().state.last_sequence;
    let text = |sequence| String::from_utf8(other.message(sequence).payload.to_vec()).unwrap();
    (1..=last).map(text).collect()
}

/// N1: every event of the outbox is in the stream, once, those included that were stored before the start.
#[test]
fn every_event_of_the_outbox_is_in_the_stream_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let nats = bridge(&server);
    nats.publish(&outbox, "kept.**").unwrap();
    for number in 0..50 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    outbox.start().unwrap();
    for number in 50..100 {
        outbox.emit("kept.b.c", number.to_string()).unwrap();
    }
    outbox.drain(LIMIT).unwrap();
    let other = Other::connect(&server);
    assert_eq!(other.messages(), 100);
    assert_eq!(payloads(&other), numbers(0..100).into_iter().collect());
    let stats = nats.stats();
    assert_eq!(
        (stats.published, stats.duplicates, stats.failed_publishes),
        (100, 0, 0)
    );
    assert!(stats.is_connected);
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N1: the pool may belong to a runtime that has no timers.
#[test]
fn a_runtime_without_timers_publishes_too() {
    let Some(server) = Server::start() else {
        return;
    };
    let without_timers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let tasks = TaskPool::new(without_timers.handle().clone(), 8, 100).unwrap();
    let soiree = EventPool::builder().bulkhead("async", tasks).build();
    let soiree = soiree.unwrap();
    let nats = bridge(&server);
    nats.publish(&soiree, "kept.**").unwrap();
    for number in 0..10 {
        let emission = soiree.emit("kept.a", number.to_string()).unwrap();
        assert!(emission.wait().errors().is_empty());
    }
    let other = Other::connect(&server);
    assert_eq!(payloads(&other), numbers(0..10).into_iter().collect());
    soiree.close().unwrap();
    nats.close().unwrap();
}

/// N1: an event whose acknowledgement was lost is published again with the same ID, and is in the stream once.
#[test]
fn an_event_that_is_published_again_is_in_the_stream_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let event = BaseEvent::new("kept.a", String::from("once"));
    let id = event.id();
    for duplicates in [0, 1] {
        // Another process with another store, which was given the same event.
        let outbox = outbox(MemoryStore::new());
        let nats = bridge(&server);
        nats.publish(&outbox, "kept.**").unwrap();
        outbox.start().unwrap();
        let event = BaseEvent::new("kept.a", String::from("once")).with_id(id);
        outbox.emit_event(event).unwrap();
        outbox.drain(LIMIT).unwrap();
        assert_eq!(nats.stats().duplicates, duplicates);
        nats.close().unwrap();
        outbox.close().unwrap();
    }
    assert_eq!(Other::connect(&server).messages(), 1);
}

/// N10: ID, origin, codec, properties and the context of the trace are in the headers.
#[test]
fn headers_carry_what_belongs_to_the_event() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let nats = bridge(&server);
    let publish = Publish::new("kept.**").plain_header("tenant");
    nats.publish(&outbox, publish).unwrap();
    outbox.start().unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let event = BaseEvent::new("kept.a@b", String::from("hi"))
        .with_property("tenant", "ice\ncream")
        .with_property("größe", 7)
        .with_property("traceparent", trace);
    let id = event.id().to_string();
    outbox.emit_event(event).unwrap();
    outbox.drain(LIMIT).unwrap();
    let message = Other::connect(&server).message(1);
    assert_eq!(message.subject.as_str(), "acme.kept.a%40b");
    let header = |name: &str| {
        message
            .headers
            .get(name)
            .map(|value| value.as_str().to_owned())
    };
    assert_eq!(header("Nats-Msg-Id"), Some(id.clone()));
    assert_eq!(header("Soiree-Id"), Some(id));
    assert_eq!(header("Soiree-Origin"), Some(outbox.store_id().to_string()));
    assert_eq!(header("Content-Type").as_deref(), Some("text"));
    assert_eq!(header("traceparent").as_deref(), Some(trace));
    assert_eq!(header("tenant").as_deref(), Some("ice?cream"));
    let properties = header("Soiree-Properties").unwrap();
    assert_eq!(
        properties,
        "{\"gr\\u00f6\\u00dfe\":7,\"tenant\":\"ice\\ncream\"}"
    );
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N1: with an event pool, an emission ends when the stream has acknowledged its event.
#[test]
fn an_emission_waits_for_the_stream() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let nats = bridge(&server);
    nats.publish(&soiree, "order.*").unwrap();
    for number in 0..20 {
        let report = soiree
            .emit("order.paid", number.to_string())
            .unwrap()
            .wait();
        assert!(report.is_ok(), "{report:?}");
    }
    assert_eq!(Other::connect(&server).messages(), 20);
    soiree.close().unwrap();
    nats.close().unwrap();
}

/// N8: an event that is too large for the server is a dead letter at once, and holds up no other one.
#[test]
fn an_event_that_is_too_large_is_a_dead_letter_at_once() {
    let Some(server) = Server::start_with("max_payload: 4096") else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let nats = bridge(&server);
    nats.publish(&outbox, "kept.**").unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", "x".repeat(5_000)).unwrap();
    outbox.emit("kept.a", String::from("small")).unwrap();
    outbox.drain(LIMIT).unwrap();
    let dead = outbox
        .dead_letters(&format!("nats:{STREAM}"), Position::START, 10)
        .unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].parked.attempts, 1);
    let error = dead[0].parked.error.as_deref().unwrap();
    assert!(error.contains("max payload"), "{error}");
    assert_eq!(Other::connect(&server).messages(), 1);
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N8: a stream that is full delays events, and loses none: they are published when there is room.
#[test]
fn a_full_stream_delays() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let nats = builder(&server)
        .configure_stream(|config| config.max_messages = 5)
        .connect()
        .unwrap();
    let retry = Retry::fixed(Duration::from_millis(20), Retry::MAX_ATTEMPTS);
    nats.publish(&outbox, Publish::new("kept.**").retry(retry))
        .unwrap();
    outbox.start().unwrap();
    for number in 0..8 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    let other = Other::connect(&server);
    until("the stream rejects some", || {
        nats.stats().failed_publishes > 3
    });
    assert_eq!(other.messages(), 5);
    let mut seen = payloads(&other);
    let stream = other.stream();
    block(stream.purge().into_future()).unwrap();
    outbox.drain(LIMIT).unwrap();
    assert_eq!(other.messages(), 3);
    let first = other.stream().cached_info().state.first_sequence;
    for sequence in first..first + 3 {
        let payload = other.message(sequence).payload.to_vec();
        seen.insert(String::from_utf8(payload).unwrap());
    }
    assert_eq!(seen, numbers(0..8).into_iter().collect());
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N8: a stream that somebody deletes is made again, and what was not published is.
#[test]
fn a_deleted_stream_is_made_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let nats = bridge(&server);
    nats.publish(&outbox, "kept.**").unwrap();
    outbox.start().unwrap();
    outbox.emit("kept.a", String::from("before")).unwrap();
    outbox.drain(LIMIT).unwrap();
    let other = Other::connect(&server);
    block(other.context.delete_stream(STREAM)).unwrap();
    outbox.emit("kept.a", String::from("after")).unwrap();
    outbox.drain(LIMIT).unwrap();
    assert_eq!(payloads(&other), BTreeSet::from([String::from("after")]));
    assert!(nats.stats().failed_publishes >= 1);
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// N8: a program starts without a server, emits are not held up, and everything is published once there is one.
#[test]
fn a_server_that_is_not_there_yet_delays() {
    let Some(mut server) = Server::stopped("") else {
        return;
    };
    let outbox = outbox(MemoryStore::new());
    let nats = builder(&server).connect_later().unwrap();
    nats.publish(&outbox, "kept.**").unwrap();
    outbox.start().unwrap();
    for number in 0..100 {
        outbox.emit("kept.a", number.to_string()).unwrap();
    }
    assert!(!nats.stats().is_connected);
    assert_eq!(nats.stats().published, 0);
    server.run();
    outbox.drain(LIMIT).unwrap();
    assert_eq!(Other::connect(&server).messages(), 100);
    nats.close().unwrap();
    outbox.close().unwrap();
}

/// What cannot be published is an error that names it.
#[test]
fn what_cannot_be_published_is_an_error_that_names_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let nats = builder(&server).connect().unwrap();
    let outbox = outbox(MemoryStore::new());
    let error = nats.publish(&outbox, "other.*").unwrap_err();
    assert!(error.to_string().contains("other.*"), "{error}");
    let error = nats
        .publish(&outbox, Publish::new("kept.*").plain_header("a b"))
        .unwrap_err();
    assert!(
        matches!(error, NatsError::InvalidName { what: "header", .. }),
        "{error}"
    );
    let error = nats.publish(&outbox, "kept..a").unwrap_err();
    assert!(matches!(error, NatsError::InvalidPattern(_)), "{error}");
    nats.publish(&outbox, "kept.*").unwrap();
    let error = nats.publish(&outbox, "kept.*").unwrap_err().to_string();
    assert!(error.contains("nats:EVENTS"), "{error}");
    // No bulkhead polls futures there.
    let plain = EventPool::new();
    let error = nats.publish(&plain, "a").unwrap_err();
    assert!(matches!(error, NatsError::Subscribe(_)), "{error}");
    plain.close().unwrap();
    nats.close().unwrap();
    assert!(matches!(
        nats.publish(&outbox, "kept.b"),
        Err(NatsError::Closed)
    ));
    outbox.close().unwrap();
}

/// N10: what a listener of the same process sees is what was emitted, whether or not it is published.
#[test]
fn publishing_does_not_change_the_event() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let nats = bridge(&server);
    nats.publish(&soiree, "order.*").unwrap();
    let (sender, seen) = std::sync::mpsc::channel();
    let listener = move |event: &dyn Event| sender.send(event.properties()).unwrap();
    soiree
        .on_with("order.*", ListenerOptions::new(), listener)
        .unwrap();
    let event = BaseEvent::new("order.paid", String::from("1")).with_property("a", 1);
    soiree.emit_event(event).unwrap().wait();
    let properties = seen.recv_timeout(LIMIT).unwrap();
    assert_eq!(properties.len(), 1);
    assert_eq!(properties.get("a"), Some(&Value::Int(1)));
    soiree.close().unwrap();
    nats.close().unwrap();
}
